//! What lies over the last full clone in an image, and when that has become too much: pure functions
//! of sizes.

use std::fmt;

use anyhow::Result;

use crate::engine::EngineImage;
use crate::image::model::chain_base::ChainBase;
use crate::image::model::labels::Labels;
use crate::ui;

/// Engines fail near 125 layers; a chain ends well before, as the steps of `[post_clone]` count.
const MAX_LAYERS: usize = 100;

/// The measures of an image.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ChainStats<'a> {
    /// What its labels say.
    pub labels: &'a Labels,
    /// All its layers.
    pub layers: usize,
    /// Its bytes, all layers together.
    pub size: u64,
}

impl<'a> ChainStats<'a> {
    /// Of an image that the engine was asked for by itself; a list does not tell of layers.
    pub(crate) fn of(labels: &'a Labels, found: &EngineImage) -> Option<Self> {
        Some(Self {
            labels,
            layers: found.layers?,
            size: found.size,
        })
    }

    /// The full clone below it, which may be the image itself. Of an image of an earlier git dkr
    /// nothing is known, and counting begins with it.
    pub(crate) fn bottom(&self) -> ChainBase {
        self.labels.bottom.clone().unwrap_or_else(|| ChainBase {
            commit: self.labels.commit.clone(),
            layers: self.layers,
            size: self.size,
        })
    }

    /// How many layers lie over that.
    pub(crate) fn depth(&self) -> usize {
        self.layers.saturating_sub(self.bottom().layers)
    }

    /// The bytes that these take.
    pub(crate) fn bytes_over_base(&self) -> u64 {
        self.size.saturating_sub(self.bottom().size)
    }

    /// The bytes that the full clone put on its base image.
    fn fresh(&self) -> u64 {
        let base = self.labels.base_size.unwrap_or_default();
        self.bottom().size.saturating_sub(base)
    }

    /// Why nothing more is to be put on it, if so. Without `max_layers` only the engine's own limit counts.
    ///
    /// Bytes over the full clone are dead when a fresh one would not hold them too: files that were
    /// written again since, and objects that nothing leads to any more. `live_bytes` tells of how many of
    /// them are objects that it would hold, and is asked only where it matters.
    pub(crate) fn too_much(
        &self,
        max_layers: Option<u64>,
        live_bytes: impl FnOnce() -> Result<u64>,
    ) -> Result<Option<ChainLimit>> {
        if self.layers >= MAX_LAYERS {
            return Ok(Some(ChainLimit::Engine(self.layers)));
        }
        let Some(max_layers) = max_layers else {
            return Ok(None);
        };
        let (depth, over, fresh) = (self.depth(), self.bytes_over_base(), self.fresh());
        if u64::try_from(depth)? >= max_layers {
            return Ok(Some(ChainLimit::Layers(depth)));
        }
        if over <= fresh {
            return Ok(None);
        }
        let dead = over.saturating_sub(live_bytes()?);
        Ok((dead > fresh).then_some(ChainLimit::Dead { dead, fresh }))
    }
}

/// Why nothing more is put on an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChainLimit {
    /// It has this many layers in all.
    Engine(usize),
    /// It has this many over its full clone.
    Layers(usize),
    /// More of it is dead than a fresh one takes.
    Dead {
        /// Bytes.
        dead: u64,
        /// Bytes.
        fresh: u64,
    },
}

impl fmt::Display for ChainLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Engine(layers) => {
                write!(f, "it has {layers} layers, and engines take about 125")
            }
            Self::Layers(1) => write!(f, "it has 1 layer over its full clone"),
            Self::Layers(depth) => write!(f, "it has {depth} layers over its full clone"),
            Self::Dead { dead, fresh } => write!(
                f,
                "{} of it are unreachable, and a fresh one takes {}",
                ui::bytes(*dead),
                ui::bytes(*fresh)
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::ObjectId;
    use crate::image::model::labels::tests::labels;

    fn measured(labels: &Labels, layers: usize, size: u64) -> ChainStats<'_> {
        ChainStats {
            labels,
            layers,
            size,
        }
    }

    fn on(base: u64, layers: usize, size: u64) -> Labels {
        let commit = ObjectId::parse(&"0b".repeat(20)).unwrap();
        Labels {
            base_size: Some(base),
            bottom: Some(ChainBase {
                commit,
                layers,
                size,
            }),
            ..labels()
        }
    }

    #[test]
    fn each_limit() {
        let labels = on(1_000, 10, 1_500);
        let judge = |layers, size, keep: bool, live_bytes| {
            measured(&labels, layers, size)
                .too_much((!keep).then_some(3), || Ok(live_bytes))
                .unwrap()
        };
        assert_eq!(judge(12, 1_600, false, 0), None);
        assert_eq!(judge(13, 1_600, false, 0), Some(ChainLimit::Layers(3)));
        assert_eq!(judge(13, 1_600, true, 0), None);
        assert_eq!(judge(100, 1_600, true, 0), Some(ChainLimit::Engine(100)));
        assert_eq!(judge(11, 2_000, false, 0), None);
        let dead = |dead| Some(ChainLimit::Dead { dead, fresh: 500 });
        assert_eq!(judge(11, 2_001, false, 0), dead(501));
        assert_eq!(judge(11, 2_001, false, 1), None);
        assert_eq!(judge(11, 2_700, false, 600), dead(600));
        assert_eq!(judge(11, 2_700, true, 600), None);
    }

    #[test]
    fn git_is_asked_only_where_it_matters() {
        let labels = on(1_000, 10, 1_500);
        let asked = || -> Result<u64> { panic!("nobody needs to know") };
        let fits = measured(&labels, 11, 1_900).too_much(Some(3), asked);
        assert_eq!(fits.unwrap(), None);
    }

    #[test]
    fn a_full_clone_has_nothing_over_it() {
        let labels = Labels {
            base_size: Some(10),
            bottom: None,
            ..labels()
        };
        let full = measured(&labels, 7, 90);
        assert_eq!(
            (full.depth(), full.bytes_over_base(), full.fresh()),
            (0, 0, 80)
        );
        assert_eq!(full.too_much(Some(20), || Ok(0)).unwrap(), None);
        // Numbers that make no sense are no reason to panic.
        let odd = on(u64::MAX, usize::MAX, u64::MAX);
        let odd = measured(&odd, 1, 1);
        assert_eq!((odd.depth(), odd.bytes_over_base(), odd.fresh()), (0, 0, 0));
    }
}
