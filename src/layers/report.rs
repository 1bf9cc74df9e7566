//! What is said of layers and their images.

use serde::Serialize;
use termtree::Tree;

use super::catalog::LayerCatalog;
use super::plan::{LayerPlan, LayerState};
use super::toolchains;
use crate::error::Failure;
use crate::ui;

/// A layer and its image, as programs read it.
#[derive(Debug, Serialize)]
pub(crate) struct LayerRow<'a> {
    pub name: &'a str,
    pub version: &'a str,
    /// A sentence for people.
    pub description: &'a str,
    /// Where it was found.
    pub origin: &'static str,
    /// The toolchains inside and their versions, as far as these are chosen.
    pub versions: Vec<String>,
    #[serde(rename = "folder")]
    pub directory: &'a str,
    /// The layers it is built on.
    pub requires: Vec<&'a str>,
    /// The name of its image.
    pub tag: &'a str,
    /// `built`, `changed` or `missing`.
    pub state: &'static str,
    /// Why it would be rebuilt.
    pub reasons: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<&'a str>,
    /// Bytes, all layers together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// The key over all that the image depends on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<&'a str>,
    /// Whether this is the layer on exactly what it requires, and not as a part of another's stack.
    #[serde(skip)]
    pub own: bool,
}

/// A row for each image of a plan.
pub(crate) fn rows<'a>(plan: &'a LayerPlan) -> Vec<LayerRow<'a>> {
    let mut rows: Vec<LayerRow> = plan.nodes.iter().map(row).collect();
    rows.sort_by_key(|row| row.name);
    rows
}

fn row<'a>(node: &'a super::plan::LayerNode) -> LayerRow<'a> {
    let definition = &node.layer.definition;
    let requires = definition.requires.iter();
    let (state, id, size, reasons) = match &node.state {
        LayerState::Built { id, size, .. } => ("built", Some(id.as_str()), Some(*size), Vec::new()),
        LayerState::Changed(reasons) => ("changed", None, None, reasons.clone()),
        LayerState::Missing => ("missing", None, None, vec!["it was never built".to_owned()]),
    };
    LayerRow {
        name: &definition.name,
        version: &definition.version,
        description: &definition.description,
        origin: node.layer.origin.name(),
        versions: toolchains::versions(&node.layer),
        directory: &node.layer.directory,
        requires: requires.map(|other| other.name.as_str()).collect(),
        tag: &node.tag,
        state,
        reasons,
        id,
        size,
        key: node.key.as_deref(),
        own: node.is_own(),
    }
}

/// What a layer requires, as a tree, with the state of each image.
pub(crate) fn tree(
    catalog: &LayerCatalog,
    plan: &LayerPlan,
    name: &str,
) -> Result<Tree<String>, Failure> {
    let layer = catalog.get(name)?;
    let node = plan
        .nodes
        .iter()
        .find(|node| node.layer.name() == name && node.is_own());
    let state = node.map_or(String::new(), |node| match &node.state {
        LayerState::Built { size, .. } => format!("  built, {}", ui::bytes(*size)),
        LayerState::Changed(reasons) => format!("  changed: {}", reasons.join("; ")),
        LayerState::Missing => "  missing".to_owned(),
    });
    let mut tree = Tree::new(format!("{name} {}{state}", layer.definition.version));
    for other in &layer.definition.requires {
        tree.push(self::tree(catalog, plan, &other.name)?);
    }
    if layer.definition.requires.is_empty() {
        for from in &layer.text.froms {
            tree.push(Tree::new(from.image.clone()));
        }
    }
    Ok(tree)
}
