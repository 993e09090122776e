//! Why a URL or an address is refused: one closed set for code, logs and metrics.

/// Why a URL or an address is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// This machine itself.
    Loopback,
    /// A private network, unique local or site-local.
    Private,
    /// Reachable on one link only.
    LinkLocal,
    /// The metadata service of a cloud, which may return secrets.
    Metadata,
    /// Multicast.
    Multicast,
    /// Reserved by IANA for another purpose than global reachability.
    Reserved,
    /// Reserved for documentation.
    Documentation,
    /// Shared address space of carriers.
    Cgnat,
    /// The unspecified address.
    Unspecified,
    /// A port that is not allowed.
    Port,
    /// Neither http nor https.
    Scheme,
    /// A user name or a password in the URL.
    Userinfo,
    /// Not a URL, or written in a way that programs interpret differently.
    Form,
    /// This service itself.
    Own,
    /// A redirect from https to http.
    Downgrade,
    /// Too many redirects.
    Redirects,
    /// A name without an address.
    Unresolvable,
}

impl Reason {
    /// Every reason, for tables that list them all.
    pub const ALL: [Self; 17] = [
        Self::Loopback,
        Self::Private,
        Self::LinkLocal,
        Self::Metadata,
        Self::Multicast,
        Self::Reserved,
        Self::Documentation,
        Self::Cgnat,
        Self::Unspecified,
        Self::Port,
        Self::Scheme,
        Self::Userinfo,
        Self::Form,
        Self::Own,
        Self::Downgrade,
        Self::Redirects,
        Self::Unresolvable,
    ];

    /// The reason as the log and metrics spell it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Loopback => "loopback",
            Self::Private => "private",
            Self::LinkLocal => "link_local",
            Self::Metadata => "metadata",
            Self::Multicast => "multicast",
            Self::Reserved => "reserved",
            Self::Documentation => "documentation",
            Self::Cgnat => "cgnat",
            Self::Unspecified => "unspecified",
            Self::Port => "port",
            Self::Scheme => "scheme",
            Self::Userinfo => "userinfo",
            Self::Form => "form",
            Self::Own => "own",
            Self::Downgrade => "downgrade",
            Self::Redirects => "redirects",
            Self::Unresolvable => "unresolvable",
        }
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::error::Error for Reason {}
