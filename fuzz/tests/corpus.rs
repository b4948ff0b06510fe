//! Replays the corpus: every file through its target, without a fuzzer.

use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use kopru_fuzz::{TARGETS, Target};

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")
}

#[test]
fn every_input_keeps_every_promise() {
    for (name, target) in TARGETS {
        let folder = fs::read_dir(corpus().join(name)).unwrap_or_else(|_| panic!("corpus/{name}"));
        let mut paths: Vec<_> = folder.map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        assert!(paths.len() >= 5, "corpus/{name} has {} inputs", paths.len());
        for path in paths {
            let input = fs::read(&path).unwrap();
            let replay = catch_unwind(|| replay(target, &input));
            assert!(replay.is_ok(), "{} broke a promise of {name}", path.display());
        }
    }
}

/// An input, and what a fuzzer tries first: parts of it, and single changes.
fn replay(target: Target, input: &[u8]) {
    target(input);
    for end in (0..input.len()).step_by(1 + input.len() / 64) {
        target(&input[..end]);
        let mut changed = input.to_vec();
        changed[end] ^= 0x81;
        target(&changed);
    }
}

#[test]
fn every_folder_is_of_a_target() {
    for entry in fs::read_dir(corpus()).unwrap() {
        let name = entry.unwrap().file_name();
        assert!(TARGETS.iter().any(|(target, _)| name == *target), "{name:?}");
    }
}
