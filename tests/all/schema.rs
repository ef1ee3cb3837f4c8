//! As much of JSON Schema (draft 2020-12) as the published schema of the report uses, to hold reports against it.

use serde_json::Value;

/// The schema of the report.
pub(crate) struct Schema(Value);

/// What a schema may say here. A word that this file does not know would be a check that is not made.
const KNOWN: [&str; 16] = [
    "$schema",
    "$defs",
    "$ref",
    "title",
    "description",
    "type",
    "format",
    "enum",
    "properties",
    "required",
    "items",
    "anyOf",
    "additionalProperties",
    "minimum",
    "maximum",
    "const",
];

impl Schema {
    pub(crate) fn read(octets: &[u8]) -> Self {
        Schema(serde_json::from_slice(octets).unwrap())
    }

    /// Where `value` breaks the schema.
    pub(crate) fn breaches(&self, value: &Value) -> Vec<String> {
        let mut breaches = Vec::new();
        self.check("report", &self.0, value, &mut breaches);
        breaches
    }

    fn check(&self, path: &str, schema: &Value, value: &Value, breaches: &mut Vec<String>) {
        let Some(rules) = schema.as_object() else { return };
        for (word, rule) in rules {
            match word.as_str() {
                "$ref" => {
                    let part = rule.as_str().and_then(|it| self.0.pointer(it.trim_start_matches('#')));
                    self.check(path, part.expect("a reference leads somewhere"), value, breaches);
                }
                "type" if !alternatives(rule).iter().any(|kind| is_of(value, kind)) => {
                    breaches.push(format!("{path} is {value}, not of type {rule}"));
                }
                "enum" if !alternatives(rule).contains(value) => {
                    breaches.push(format!("{path} is {value}, none of {rule}"))
                }
                "const" if rule != value => breaches.push(format!("{path} is {value}, not {rule}")),
                "minimum" if value.as_f64() < rule.as_f64() && value.is_number() => {
                    breaches.push(format!("{path} is too small"))
                }
                "maximum" if value.as_f64() > rule.as_f64() && value.is_number() => {
                    breaches.push(format!("{path} is too large"))
                }
                "anyOf" => {
                    let fits = |part: &Value| {
                        let mut inner = Vec::new();
                        self.check(path, part, value, &mut inner);
                        inner.is_empty()
                    };
                    if !rule.as_array().unwrap().iter().any(fits) {
                        breaches.push(format!("{path} is none of what it may be"));
                    }
                }
                "required" => {
                    let missing = alternatives(rule)
                        .into_iter()
                        .filter(|name| value.get(name.as_str().unwrap()).is_none());
                    breaches.extend(
                        missing
                            .filter(|_| value.is_object())
                            .map(|name| format!("{path} has no {name}")),
                    );
                }
                "properties" | "additionalProperties" | "items" => {}
                word => assert!(
                    KNOWN.contains(&word),
                    "the schema says {word:?}, which this test does not know"
                ),
            }
        }
        self.check_inner(path, schema, value, breaches);
    }

    fn check_inner(&self, path: &str, schema: &Value, value: &Value, breaches: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                for (name, inner) in fields {
                    let path = format!("{path}.{name}");
                    let described = schema["properties"]
                        .get(name)
                        .or_else(|| schema.get("additionalProperties"));
                    match described {
                        Some(described) => self.check(&path, described, inner, breaches),
                        None if schema.get("properties").is_some() => {
                            breaches.push(format!("{path} is not in the schema"))
                        }
                        None => {}
                    }
                }
            }
            Value::Array(items) => {
                for (index, inner) in items.iter().enumerate() {
                    self.check(&format!("{path}[{index}]"), &schema["items"], inner, breaches);
                }
            }
            _ => {}
        }
    }
}

/// One word, or one of several.
fn alternatives(rule: &Value) -> Vec<Value> {
    rule.as_array().cloned().unwrap_or_else(|| vec![rule.clone()])
}

fn is_of(value: &Value, kind: &Value) -> bool {
    match kind.as_str() {
        Some("null") => value.is_null(),
        Some("boolean") => value.is_boolean(),
        Some("integer") => value.is_u64() || value.is_i64(),
        Some("number") => value.is_number(),
        Some("string") => value.is_string(),
        Some("array") => value.is_array(),
        Some("object") => value.is_object(),
        _ => false,
    }
}

#[test]
fn a_breach_is_noticed() {
    let schema = Schema(serde_json::json!({
        "$defs": {"End": {"enum": ["client", "server"], "type": "string"}},
        "type": "object", "required": ["a"],
        "properties": {
            "a": {"type": ["integer", "null"], "minimum": 1},
            "b": {"anyOf": [{"$ref": "#/$defs/End"}, {"type": "null"}]},
            "c": {"type": "array", "items": {"$ref": "#/$defs/End"}},
        },
    }));
    let breaches = |value: Value| schema.breaches(&value).len();
    for good in [
        serde_json::json!({"a": 1, "b": "client", "c": ["server"]}),
        serde_json::json!({"a": null, "b": null}),
    ] {
        assert_eq!(breaches(good.clone()), 0, "{good}");
    }
    for bad in [
        serde_json::json!({}),
        serde_json::json!({"a": 0}),
        serde_json::json!({"a": "1"}),
        serde_json::json!({"a": 1, "b": "proxy"}),
        serde_json::json!({"a": 1, "c": ["proxy"]}),
        serde_json::json!({"a": 1, "d": 1}),
        serde_json::json!([]),
    ] {
        assert!(breaches(bad.clone()) > 0, "{bad}");
    }
}
