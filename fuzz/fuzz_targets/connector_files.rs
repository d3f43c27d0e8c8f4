//! No text makes a reader of connector files panic, and what is returned keeps to the rules.
#![no_main]

use hubctl::domain::connector::read::{jsonl, yaml};
use hubctl::domain::connector::validate::{check, refused};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let partial = yaml::Partial { name: "partial", text };
    for (connectors, findings) in [jsonl::read(text), yaml::read(text, &[partial])] {
        assert!(!connectors.is_empty() || refused(&findings));
        for connector in &connectors {
            assert!(!refused(&check(connector)));
        }
    }
});
