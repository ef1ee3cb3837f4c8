//! The JSON Schema of the report.

use schemars::generate::SchemaSettings;

use super::Report;

/// The JSON Schema (draft 2020-12) of what `json` writes, indented.
pub fn schema() -> String {
    let mut schema = SchemaSettings::draft2020_12()
        .for_serialize()
        .into_generator()
        .into_root_schema_for::<Report>();
    schema.insert("title".to_owned(), "upgradescope report".into());
    format!("{:#}", schema.as_value())
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::{
        super::{Report, example, words},
        *,
    };

    #[test]
    fn the_words_of_the_contract_are_enumerated() {
        let schema: Value = serde_json::from_str(&schema()).unwrap();
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
        let defs = &schema["$defs"];
        assert_eq!(
            defs["Attempt"]["properties"]["outcome"]["enum"],
            serde_json::json!(words::OUTCOMES)
        );
        assert_eq!(
            defs["Attempt"]["properties"]["stage"]["enum"],
            serde_json::json!(words::STAGES)
        );
        assert_eq!(
            defs["Cause"]["properties"]["said_by"]["enum"],
            serde_json::json!(words::SAID_BY)
        );
        let guides = defs["Cause"]["properties"]["guide"]["enum"].as_array().unwrap();
        assert!(guides.contains(&Value::Null) && guides.contains(&"cors".into()));
    }

    #[test]
    fn every_field_of_a_report_is_described_and_required() {
        let schema: Value = serde_json::from_str(&schema()).unwrap();
        for report in [example::report(), example::empty(), example::hostile("x")] {
            check(&schema, &schema, &value(&report));
        }
    }

    fn value(report: &Report) -> Value {
        serde_json::to_value(report).unwrap()
    }

    /// Walks a value beside the schema that is to describe it.
    fn check(root: &Value, schema: &Value, value: &Value) {
        let schema = resolve(root, schema, value);
        match value {
            Value::Object(fields) if schema.get("properties").is_some() => {
                let required = schema["required"].as_array().unwrap();
                for (name, inner) in fields {
                    let described = &schema["properties"][name];
                    assert!(described.get("description").is_some(), "{name} is not described");
                    assert!(required.contains(&name.as_str().into()), "{name} is not required");
                    check(root, described, inner);
                }
            }
            Value::Array(items) => items.iter().for_each(|item| check(root, &schema["items"], item)),
            _ => {}
        }
    }

    /// Follows a reference, and of a choice takes the part that is not null.
    fn resolve<'s>(root: &'s Value, schema: &'s Value, value: &Value) -> &'s Value {
        if let Some(path) = schema["$ref"].as_str() {
            return root.pointer(path.trim_start_matches('#')).unwrap();
        }
        match schema["anyOf"].as_array() {
            Some(parts) if !value.is_null() => resolve(root, &parts[0], value),
            _ => schema,
        }
    }
}
