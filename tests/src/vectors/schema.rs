//! The part of JSON Schema that tests/vectors/schema.json uses.

use serde_json::Value;

/// Ok, or what is wrong and where.
pub fn validate(schema: &Value, value: &Value) -> Result<(), String> {
    check(schema, schema, value, "$")
}

fn check(root: &Value, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
    let Some(rules) = schema.as_object() else {
        return Err(format!("{at}: a schema that is no object"));
    };
    for (rule, wanted) in rules {
        let holds = match rule.as_str() {
            "$schema" | "$id" | "$defs" | "title" | "description" => true,
            "$ref" => {
                let name = wanted.as_str().and_then(|r| r.strip_prefix("#/$defs/")).unwrap_or("");
                check(root, &root["$defs"][name], value, at)?;
                true
            }
            "type" => match wanted {
                Value::Array(any) => any.iter().any(|t| has_type(value, t)),
                one => has_type(value, one),
            },
            "const" => value == wanted,
            "enum" => wanted.as_array().is_some_and(|all| all.contains(value)),
            "minimum" => value.as_f64().is_none_or(|v| v >= wanted.as_f64().unwrap_or(f64::MAX)),
            "required" => {
                let names = wanted.as_array().map_or(&[][..], Vec::as_slice);
                if let Some(missing) = names.iter().find(|n| value.get(n.as_str().unwrap_or("")).is_none()) {
                    return Err(format!("{at}: {missing} is missing"));
                }
                true
            }
            "properties" => {
                for (name, rule) in wanted.as_object().into_iter().flatten() {
                    if let Some(value) = value.get(name) {
                        check(root, rule, value, &format!("{at}.{name}"))?;
                    }
                }
                true
            }
            "additionalProperties" => {
                let known = rules.get("properties").and_then(Value::as_object);
                for (name, value) in value.as_object().into_iter().flatten() {
                    if known.is_some_and(|known| known.contains_key(name)) {
                        continue;
                    }
                    if wanted == &Value::Bool(false) {
                        return Err(format!("{at}: {name} is not known"));
                    }
                    check(root, wanted, value, &format!("{at}.{name}"))?;
                }
                true
            }
            "items" => {
                for (i, value) in value.as_array().into_iter().flatten().enumerate() {
                    check(root, wanted, value, &format!("{at}[{i}]"))?;
                }
                true
            }
            other => return Err(format!("{at}: the validator does not know the rule {other}")),
        };
        if !holds {
            return Err(format!("{at}: {rule} {wanted} does not hold"));
        }
    }
    Ok(())
}

fn has_type(value: &Value, name: &Value) -> bool {
    match name.as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("integer") => value.is_u64() || value.is_i64(),
        Some("number") => value.is_number(),
        Some("boolean") => value.is_boolean(),
        Some("null") => value.is_null(),
        _ => false,
    }
}
