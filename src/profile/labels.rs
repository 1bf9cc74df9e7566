//! The labels of an image of a profile.

use std::collections::BTreeMap;

use super::repo_profile::Profile;
use super::variant::Variant;

pub(super) const PROFILE: &str = "dkr.profile_id";
/// SHA-256 of the profile's one spelling.
pub(super) const DIGEST: &str = "dkr.profile_digest";
/// What was tried when it worked.
pub(super) const VARIANT: &str = "dkr.profile_variant";
/// What identifies the image that it starts from.
pub(super) const BASE: &str = "dkr.profile_base_digest";

pub(super) fn image_labels(
    profile: &Profile,
    variant: Variant,
    base_digest: &str,
) -> Vec<(String, String)> {
    [
        (PROFILE, profile.id.as_str()),
        (DIGEST, &profile.digest),
        (VARIANT, variant.name()),
        (BASE, base_digest),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec()
}

/// What the user should know of an image that is taken for this profile's.
pub(super) fn doubt(profile: &Profile, labels: &BTreeMap<String, String>) -> Option<&'static str> {
    match labels.get(DIGEST) {
        None => Some("was not built by git dkr, and is used as it is"),
        Some(digest) if *digest != profile.digest => {
            Some("was built from another profile of the same profile_id, and is used as it is")
        }
        Some(_) => None,
    }
}
