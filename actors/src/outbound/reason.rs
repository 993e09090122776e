//! Why a URL or an address is refused: one closed list for code, log and metric.

/// Why a URL or an address is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// This machine itself.
    Loopback,
    /// A private network, unique local or site-local.
    Private,
    /// Reachable on one link only.
    LinkLocal,
    /// Where clouds keep what a machine may know of itself, secrets included.
    Metadata,
    /// More than one receiver.
    Multicast,
    /// Set aside by IANA for some other purpose than being reached from everywhere.
    Reserved,
    /// For examples in texts.
    Documentation,
    /// Shared by a carrier's customers.
    Cgnat,
    /// No address at all.
    Unspecified,
    /// A port that is not in the list.
    Port,
    /// Neither http nor https.
    Scheme,
    /// A user name or a password in the URL.
    Userinfo,
    /// Not a URL, or written in a way that programs read differently.
    Form,
    /// This very service.
    Own,
    /// From https to http.
    Downgrade,
    /// More redirects than are followed.
    Redirects,
    /// A name without an address.
    Unresolvable,
}

impl Reason {
    /// Every reason, for tables that must know them all.
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
