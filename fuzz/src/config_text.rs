//! A configuration file that somebody mistyped.

use std::collections::HashSet;

/// Reads the text: what takes effect is TOML, and what does not says where and why.
pub fn config_text(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else { return };
    match kopru::read_config(text) {
        Ok(effective) => assert!(effective.starts_with("[http]"), "{effective}"),
        Err(mistakes) => {
            assert!(!mistakes.is_empty(), "refused without a reason");
            let distinct: HashSet<_> = mistakes.iter().collect();
            assert_eq!(distinct.len(), mistakes.len(), "said twice: {mistakes:?}");
            let last_line = text.split('\n').count();
            for said in &mistakes {
                let rest = said.strip_prefix("kopru.toml").expect("the file is named");
                let line = rest.strip_prefix(':').and_then(|rest| rest.split(':').next());
                // What is absent has no line.
                let Some(Ok(line)) = line.map(str::parse::<usize>) else { continue };
                assert!((1..=last_line).contains(&line), "{said}");
            }
        }
    }
}
