//! In which order layers are built.

use super::catalog::LayerCatalog;
use super::layer::Layer;
use crate::error::Failure;
use crate::suggest::nearest;

impl LayerCatalog {
    /// A layer by its name.
    pub fn get(&self, name: &str) -> Result<&Layer, Failure> {
        self.layers.get(name).ok_or_else(|| {
            let names: Vec<&str> = self.layers.keys().map(String::as_str).collect();
            let failure = Failure::new(format!("there is no layer `{name}`"));
            match nearest(name, &names) {
                Some(near) => failure.hint(format!("did you mean `{near}`?")),
                None => failure.hint("git dkr layer list shows those there are"),
            }
        })
    }

    /// These layers and all that they require, each behind what it requires; else in the order
    /// they were asked for.
    pub fn order<'a>(&'a self, wanted: &[&str]) -> Result<Vec<&'a Layer>, Failure> {
        let mut found = Vec::new();
        for name in wanted {
            self.visit(self.get(name)?, &mut found)?;
        }
        Ok(found)
    }

    /// A catalog has no cycles, so this ends.
    fn visit<'a>(&'a self, layer: &'a Layer, found: &mut Vec<&'a Layer>) -> Result<(), Failure> {
        if found.iter().any(|other| other.name() == layer.name()) {
            return Ok(());
        }
        for reference in &layer.definition.requires {
            self.visit(self.get(&reference.name)?, found)?;
        }
        found.push(layer);
        Ok(())
    }
}
