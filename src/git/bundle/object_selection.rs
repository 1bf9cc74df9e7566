//! Which objects go into an image.

/// Which objects go into an image.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Objects {
    /// Those that the commit leads to, and its tags: what a clone of the branch would bring.
    #[default]
    Exact,
    /// All that the repository has, its packs as they are: other branches, stashes, and what no
    /// ref leads to any more.
    All,
}

impl Objects {
    /// Reads the name of one.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Exact, Self::All]
            .into_iter()
            .find(|objects| objects.name() == name)
    }

    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::All => "all",
        }
    }
}
