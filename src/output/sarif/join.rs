//! One result of two with the same fingerprint, with the places of both.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use serde_sarif::sarif;

use super::merge::{is_leak, severity};
use super::{message, number};
use crate::model::Finding;

/// What tells two places apart: path, bytes, and the layers on the way to the text.
pub(super) type Place = (String, String, i64, i64, String);

pub(super) fn place(location: &sarif::Location) -> Place {
    let physical = location.physical_location.as_ref();
    let artifact = physical.and_then(|physical| physical.artifact_location.as_ref());
    let text = |text: Option<&String>| text.cloned().unwrap_or_default();
    let region = physical.and_then(|physical| physical.region.as_ref());
    let at = |of: fn(&sarif::Region) -> Option<i64>| region.and_then(of).unwrap_or_default();
    (
        text(artifact.and_then(|artifact| artifact.uri.as_ref())),
        text(artifact.and_then(|artifact| artifact.uri_base_id.as_ref())),
        at(|region| region.byte_offset),
        at(|region| region.byte_length),
        location
            .properties
            .as_ref()
            .map(|bag| json!(bag).to_string())
            .unwrap_or_default(),
    )
}

fn primary(result: &sarif::Result) -> Option<Place> {
    result.locations.iter().flatten().next().map(place)
}

fn occurrences(result: &sarif::Result) -> u64 {
    let bag = result.properties.as_ref();
    bag.and_then(|bag| bag.additional_properties.get("occurrences"))
        .and_then(Value::as_u64)
        .unwrap_or(1)
}

/// Adds the places of `other`. What one of them shows is not hidden by the other.
pub(super) fn join_result(result: &mut sarif::Result, mut other: sarif::Result) {
    let rank = |result: &sarif::Result| {
        let hidden = result.suppressions.iter().flatten().next().is_some();
        (hidden, primary(result))
    };
    if rank(&other) < rank(result) {
        std::mem::swap(result, &mut other);
    }
    if severity(&other) > severity(result) {
        result.level = other.level;
        result.rank = other.rank;
    }
    if !is_leak(result) {
        return;
    }
    let related = |result: &sarif::Result| result.related_locations.iter().flatten().count() as u64;
    let all_known = [&*result, &other]
        .into_iter()
        .all(|result| occurrences(result) == related(result) + 1);
    let before = occurrences(result);
    let most = before.max(occurrences(&other));
    let mut places: BTreeMap<Place, sarif::Location> = BTreeMap::new();
    let ours = result.related_locations.take().into_iter().flatten();
    let theirs = other.locations.into_iter().flatten();
    for location in ours
        .chain(theirs)
        .chain(other.related_locations.into_iter().flatten())
    {
        places.entry(place(&location)).or_insert(location);
    }
    if let Some(primary) = primary(result) {
        places.remove(&primary);
    }
    let distinct = places.len() as u64 + 1;
    let all = if all_known {
        distinct
    } else {
        distinct.max(most)
    };
    let locations: Vec<_> = places
        .into_values()
        .take(Finding::MAX_RELATED)
        .enumerate()
        .map(|(at, location)| sarif::Location {
            id: Some(number(at) + 1),
            message: Some(message("the same token")),
            ..location
        })
        .collect();
    result.related_locations = (!locations.is_empty()).then_some(locations);
    if let Some(bag) = &mut result.properties {
        bag.additional_properties
            .insert("occurrences".to_owned(), json!(all));
    }
    if let Some(text) = &mut result.message.text {
        *text = recounted(text, before, all);
    }
}

/// The message of a leak, which counts its places where there are several.
fn recounted(message: &str, before: u64, now: u64) -> String {
    const SAID: &str = " in plain text";
    let count = |places: u64| match places {
        1 => SAID.to_owned(),
        places => format!("{SAID} in {places} places"),
    };
    message.replacen(&count(before), &count(now), 1)
}
