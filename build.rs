//! Puts the connectors of `src/catalog/connectors` into one text, with an index into it, so that
//! the program starts without parsing any of them.
//!
//! Only what the index needs is looked at here; a test runs the validator over every connector.
//!
//! Puts the templates of the end user's pages into the program as well.

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use serde_json::Value;

const FOLDER: &str = "src/catalog/connectors";
const TEMPLATES: &str = "src/server/page/templates";
/// Templates that are pages; the others are parts of them.
const PAGES: [&str; 3] = ["list", "form", "message"];

type Failure = Box<dyn Error>;

fn main() -> Result<(), Failure> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={FOLDER}");
    println!("cargo::rerun-if-changed={TEMPLATES}");
    // What cargo tells a build script comes by the environment and in no other way.
    #[expect(clippy::disallowed_methods, reason = "cargo names the folders in the environment")]
    let folder = |name: &str| env::var_os(name).map(PathBuf::from).ok_or("cargo says no folder");
    let root = folder("CARGO_MANIFEST_DIR")?;
    let out = folder("OUT_DIR")?;
    let (blob, index) = catalog(&root.join(FOLDER))?;
    fs::write(out.join("catalog.json"), blob)?;
    fs::write(out.join("catalog_index.rs"), index)?;
    fs::write(out.join("page_templates.rs"), templates(&root.join(TEMPLATES))?)?;
    Ok(())
}

/// A macro for each page, which makes a struct its template: askama is built without what would
/// let it read files itself.
fn templates(folder: &Path) -> Result<String, Failure> {
    let mut text = String::new();
    for page in PAGES {
        let source = template(folder, &format!("{page}.html"))?;
        writeln!(
            text,
            "macro_rules! {page}_template {{ ($($item:tt)*) => {{ #[derive(askama::Template)] \
             #[template(source = {source:?}, ext = \"html\")] $($item)* }} }}"
        )?;
    }
    Ok(text)
}

/// A template with its parts put in, and without what only a reader of the file needs.
fn template(folder: &Path, name: &str) -> Result<String, Failure> {
    let path = folder.join(name);
    let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let mut whole = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let part = line.strip_prefix("{% include \"");
        match part.and_then(|rest| rest.strip_suffix("\" %}")) {
            Some(part) => whole.push(template(folder, part)?),
            None => whole.push(line.to_owned()),
        }
    }
    Ok(whole.join("\n"))
}

/// The text with all connectors, and the source of its index.
fn catalog(folder: &Path) -> Result<(String, String), Failure> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            files.push(path);
        }
    }
    let mut connectors = Vec::new();
    for path in files {
        let named = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let value: Value =
            serde_json::from_str(&fs::read_to_string(&path)?).map_err(|error| named(&error))?;
        let key = text(&value, "key").map_err(|error| named(&error))?.to_owned();
        if path.file_stem().is_none_or(|stem| stem != key.as_str()) {
            return Err(named(&format!("holds the connector `{key}`")).into());
        }
        let minified = serde_json::to_string(&value)?;
        connectors.push((key, value, minified));
    }
    // By key and not by file name, since the index is searched by key.
    connectors.sort_by(|(one, ..), (other, ..)| one.cmp(other));
    let mut blob = String::new();
    let mut index = String::from("&[\n");
    for (key, value, minified) in connectors {
        let entry = entry(&value, blob.len(), minified.len());
        index.push_str(&entry.map_err(|error| format!("{key}: {error}"))?);
        blob.push_str(&minified);
        blob.push('\n');
    }
    index.push_str("]\n");
    Ok((blob, index))
}

fn entry(value: &Value, offset: usize, length: usize) -> Result<String, Failure> {
    let mut out = String::new();
    let key = text(value, "key")?;
    let name = text(value, "name")?;
    let core = value.get("core").and_then(Value::as_bool).unwrap_or(false);
    let icon = value.get("icon").and_then(Value::as_str);
    write!(
        out,
        "Entry {{ key: {key:?}, name: {name:?}, core: {core}, icon: {icon:?}, categories: &["
    )?;
    for category in list(value, "categories") {
        let category = category.as_str().ok_or("a category is no text")?;
        write!(out, "Category::{}, ", variant(category))?;
    }
    out.push_str("], auth: &[");
    for method in list(value, "auth") {
        let needs_setup = list(method, "setup_fields").iter().any(|field| {
            field.get("required") == Some(&Value::Bool(true)) && field.get("default").is_none()
        });
        let usable = method.get("unavailable").is_none_or(Value::is_null);
        write!(
            out,
            "AuthSummary {{ key: {:?}, label: {:?}, kind: AuthKind::{}, needs_setup: {needs_setup}, \
             usable: {usable} }}, ",
            text(method, "key")?,
            text(method, "label")?,
            variant(text(method, "type")?),
        )?;
    }
    writeln!(out, "], offset: {}, length: {} }},", grouped(offset), grouped(length))?;
    Ok(out)
}

/// A number as people write it in source, since the index is linted like any other.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push('_');
        }
        out.push(digit);
    }
    out
}

/// The name of an enum's variant for a wire value; the compiler says if there is none.
fn variant(wire: &str) -> String {
    match wire {
        "stackone" => "StackOne".to_owned(),
        "oauth2_authorization_code" => "OAuth2AuthorizationCode".to_owned(),
        "oauth2_client_credentials" => "OAuth2ClientCredentials".to_owned(),
        other => other
            .split(['_', '-'])
            .filter(|word| word.bytes().all(|byte| byte.is_ascii_lowercase()))
            .map(|word| word[..1.min(word.len())].to_uppercase() + word.get(1..).unwrap_or(""))
            .collect(),
    }
}

fn text<'a>(value: &'a Value, member: &str) -> Result<&'a str, Failure> {
    let found = value.get(member).and_then(Value::as_str);
    found.ok_or_else(|| format!("`{member}` is missing or no text").into())
}

fn list<'a>(value: &'a Value, member: &str) -> &'a [Value] {
    value.get(member).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}
