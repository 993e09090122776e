//! Puts the media types of request bodies in the order in which generators of clients need them: a form first, because
//! some take the first type and no other. utoipa keeps them in alphabetical order. A document that is no JSON, which
//! utoipa never writes, comes back as it is.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

const FORM: &str = "multipart/form-data";

/// JSON whose members keep their order.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Json {
    Object(IndexMap<String, Json>),
    Array(Vec<Json>),
    Other(Value),
}

impl Json {
    fn member(&mut self, name: &str) -> Option<&mut Json> {
        if let Self::Object(members) = self { members.get_mut(name) } else { None }
    }

    fn members(&mut self) -> impl Iterator<Item = &mut Json> {
        let members = if let Self::Object(members) = self { Some(members.values_mut()) } else { None };
        members.into_iter().flatten()
    }
}

/// The document with forms first, in one line or with indents.
pub(super) fn forms_first(document: &str, pretty: bool) -> String {
    let Ok(mut json) = serde_json::from_str::<Json>(document) else { return document.to_owned() };
    let operations = json.member("paths").into_iter().flat_map(Json::members).flat_map(Json::members);
    for body in operations.filter_map(|operation| operation.member("requestBody")) {
        if let Some(Json::Object(types)) = body.member("content")
            && let Some(form) = types.get_index_of(FORM)
        {
            types.move_index(form, 0);
        }
    }
    let text = if pretty { serde_json::to_string_pretty(&json) } else { serde_json::to_string(&json) };
    text.unwrap_or_else(|_| document.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_comes_first_and_all_else_stays_where_it_is() {
        let document = r#"{"z":1,"paths":{"/b":{"post":{"requestBody":{"content":{"a/b":{},"multipart/form-data":{},"z/z":{}}}}},"/a":{"get":{"x":[{"c":1.5,"b":null}]}}}}"#;
        let ordered =
            document.replace(r#""a/b":{},"multipart/form-data":{}"#, r#""multipart/form-data":{},"a/b":{}"#);
        assert_eq!(forms_first(document, false), ordered);
        assert_eq!(forms_first("no JSON", true), "no JSON");
    }
}
