//! Published document rules on JSON lines: every line of the input is a text (a JSON string), every line of the output
//! says what each set of rules measures in it and whether it passes.
#![allow(clippy::print_stdout, reason = "it is a filter of a pipe")]

use std::error::Error;
use std::io::{BufRead, Write};

use pauca::quality::{C4, Rules};
use serde_json::{Map, Value, json};

fn main() -> Result<(), Box<dyn Error>> {
    let sets = [
        ("gopher", Rules::gopher_quality()),
        ("gopher-repetition", Rules::gopher_repetition()),
        ("fineweb", Rules::fineweb()),
        ("fineweb-released", Rules::fineweb_released()),
    ];
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let text: String = serde_json::from_str(&line?)?;
        let mut found = Map::new();
        for (name, rules) in &sets {
            let verdict = rules.judge(&text)?;
            let values: Map<String, Value> = rules
                .rules()
                .iter()
                .zip(&verdict.values)
                .map(|(rule, value)| (rule.name.into(), json!(value)))
                .collect();
            let failed: Vec<&str> = verdict.failed().map(|i| rules.rules()[i].name).collect();
            found.insert(
                (*name).into(),
                json!({"passes": verdict.passes(), "failed": failed, "values": values}),
            );
        }
        for (name, c4) in [("c4", C4::new()), ("c4-released", C4::released())] {
            let page = c4.clean(&text)?;
            let fault = page.fault.map(|fault| format!("{fault:?}"));
            let kept: Vec<&str> = page.kept().collect();
            found.insert(
                name.into(),
                json!({"passes": fault.is_none(), "failed": fault, "sentences": page.sentences, "kept": kept}),
            );
        }
        writeln!(out, "{}", Value::Object(found))?;
    }
    Ok(())
}
