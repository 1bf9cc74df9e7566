//! An image as `docker save` writes it, read from its beginning to its end without a file on the disk:
//! descriptions are kept, and each layer is handed on while it comes.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufReader, Chain, Cursor, Read};

use serde::Deserialize;
use serde::de::IgnoredAny;

/// Descriptions are small. What is larger is a layer.
const SMALL: u64 = 4 << 20;
/// What a tar archive begins with is this long at least.
const BLOCK: u64 = 512;
const GZIP: &[u8] = &[0x1f, 0x8b];
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];

/// What the description of an image says.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Description {
    #[serde(default)]
    pub config: ContainerConfig,
    #[serde(default)]
    pub history: Vec<HistoryStep>,
}

/// How its containers begin.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ContainerConfig {
    pub env: Option<Vec<String>>,
    pub labels: Option<BTreeMap<String, String>>,
    pub cmd: Option<Vec<String>>,
    pub entrypoint: Option<Vec<String>>,
}

/// A step of its build.
#[derive(Debug, Default, Deserialize)]
pub(super) struct HistoryStep {
    #[serde(default)]
    pub created_by: String,
    #[serde(default)]
    pub comment: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ArchiveManifest {
    config: String,
    layers: Vec<String>,
}

/// The archive's own names of the layers, from the bottom, and the description.
pub(super) struct SavedImage {
    pub layers: Vec<String>,
    pub description: Description,
}

/// Reads an archive of one image, and hands each layer on with its name in the archive.
pub(super) fn read(
    reader: impl Read,
    mut on_layer: impl FnMut(&str, &mut dyn Read) -> io::Result<()>,
) -> io::Result<SavedImage> {
    let mut small: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    let mut links: BTreeMap<String, String> = BTreeMap::new();
    let mut layers = BTreeSet::new();
    let mut archive = tar::Archive::new(reader);
    for entry in archive.entries()? {
        let mut entry = entry?;
        let name = entry.path()?.to_string_lossy().into_owned();
        if let Some(target) = entry.link_name()? {
            // Older engines save a layer that is there twice as a link, `../<id>/layer.tar`.
            let target = target
                .to_string_lossy()
                .trim_start_matches("../")
                .to_owned();
            links.insert(name, target);
            continue;
        }
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let is_small = entry.size() <= SMALL;
        let mut start = Vec::new();
        entry.by_ref().take(BLOCK).read_to_end(&mut start)?;
        if is_small && matches!(start.first(), Some(b'{' | b'[')) {
            entry.by_ref().take(SMALL).read_to_end(&mut start)?;
        }
        if serde_json::from_slice::<IgnoredAny>(&start).is_ok() {
            small.insert(name, start);
        } else if start.len() as u64 >= BLOCK
            || [GZIP, ZSTD].iter().any(|magic| start.starts_with(magic))
        {
            on_layer(&name, &mut *unpacked(start, entry)?)?;
            layers.insert(name);
        }
    }
    let json = |name: &str| {
        let missing = || io::Error::other(format!("it has no {name}"));
        small.get(name).ok_or_else(missing)
    };
    let entries: Vec<ArchiveManifest> = serde_json::from_slice(json("manifest.json")?)?;
    let [entry] = entries.as_slice() else {
        return Err(io::Error::other(format!(
            "it holds {} images",
            entries.len()
        )));
    };
    let own = |name: &String| links.get(name).unwrap_or(name).clone();
    let in_order: Vec<String> = entry.layers.iter().map(own).collect();
    // One that was not looked through must not pass for clean.
    if let Some(missing) = in_order.iter().find(|name| !layers.contains(*name)) {
        return Err(io::Error::other(format!("the layer {missing} is missing")));
    }
    Ok(SavedImage {
        layers: in_order,
        description: serde_json::from_slice(json(&entry.config)?)?,
    })
}

/// A layer without its compression, if it has one.
fn unpacked<'a, R: Read + 'a>(start: Vec<u8>, rest: R) -> io::Result<Box<dyn Read + 'a>> {
    let (gzip, zstd) = (start.starts_with(GZIP), start.starts_with(ZSTD));
    let whole: Chain<Cursor<Vec<u8>>, R> = Cursor::new(start).chain(rest);
    Ok(match (gzip, zstd) {
        (true, _) => Box::new(flate2::read::MultiGzDecoder::new(BufReader::new(whole))),
        (_, true) => Box::new(zstd::Decoder::new(whole)?),
        _ => Box::new(whole),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (name, bytes) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(bytes.len() as u64);
            header.set_mode(0o644);
            builder.append_data(&mut header, name, *bytes).unwrap();
        }
        builder.into_inner().unwrap()
    }

    /// The names and sizes of layers, and the names in order.
    type Layers = (Vec<(String, usize)>, Vec<String>);

    fn of(files: &[(&str, &[u8])]) -> io::Result<Layers> {
        let mut seen = Vec::new();
        let whole = read(&tar(files)[..], |name, content| {
            let mut bytes = Vec::new();
            content.read_to_end(&mut bytes)?;
            seen.push((name.to_owned(), bytes.len()));
            Ok(())
        })?;
        Ok((seen, whole.layers))
    }

    #[test]
    fn layers_are_handed_on_however_they_are_packed() {
        let layer = tar(&[("{", b"x")]);
        let zstd = zstd::encode_all(&layer[..], 1).unwrap();
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut gzip, &layer).unwrap();
        let gzip = gzip.finish().unwrap();
        assert!(gzip.len() < 512 && zstd.len() < 512);
        let manifest = br#"[{"Config":"c.json","RepoTags":null,"Layers":["a","b","c"]}]"#;
        let description = br#"{"config":{"Env":["A=1"]},"history":[{"created_by":"x"}]}"#;
        let files: &[(&str, &[u8])] = &[
            ("VERSION", b"1.0"),
            ("b", &gzip),
            ("a", &layer),
            ("c", &zstd),
            ("c.json", description),
            ("manifest.json", manifest),
        ];
        let (seen, order) = of(files).unwrap();
        let of_size = |name: &str| (name.to_owned(), layer.len());
        assert_eq!(seen, ["b", "a", "c"].map(of_size));
        assert_eq!(order, ["a", "b", "c"]);
        for (left_out, why) in [
            (1, "the layer b is missing"),
            (4, "no c.json"),
            (5, "no manifest.json"),
        ] {
            let mut rest = files.to_vec();
            rest.remove(left_out);
            let error = of(&rest).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
        let whole = tar(files);
        assert!(read(&whole[..whole.len() / 2], |_, _| Ok(())).is_err());
    }
}
