//! A face that was found. Plain data.

/// A face in a picture. Position and size are in pixels of the picture; the square around the face is cut at its edges.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Face {
    /// Left edge.
    pub x: f32,
    /// Upper edge.
    pub y: f32,
    /// Width.
    pub width: f32,
    /// Height.
    pub height: f32,
    /// How sure the model is: at least 2.
    pub score: f32,
    /// Where the top of the head is.
    pub top: Top,
}

/// A side of a face.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Top {
    /// The head is upright.
    Up,
    /// The head lies with its top to the left.
    Left,
    /// The head lies with its top to the right.
    Right,
}
