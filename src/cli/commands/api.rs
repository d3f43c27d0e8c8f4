//! `hubctl api`: calls that a person writes.

use crate::backend::Backend;
use crate::cli::assets;
use crate::cli::context::Context;
use crate::cli::tree::Run;
use crate::client::{Raw, RawAnswer};
use crate::error::HubError;

use super::confirm_profile;
use super::parameters::{self, Parameters, Sent, is_read};

/// Call the hub's own API
///
/// The answer's body goes to standard output as it came, also where the hub refuses the call; the
/// exit status says which. The profile's key is sent, and only to the profile's hub. Fields become
/// parameters of a GET, and the JSON body of any other method. With --dry-run, only reads are sent.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Api {
    /// GET, POST, PUT, PATCH or DELETE
    #[arg(value_parser = parameters::method, add = assets::methods())]
    method: String,

    /// Path below the API's root, such as /accounts
    path: String,

    #[command(flatten)]
    sent: Sent,

    /// Ask for page after page, and write one array of all rows
    #[arg(long)]
    paginate: bool,

    /// Write status and headers as well
    #[arg(short, long)]
    include: bool,
}

impl Run for Api {
    // On a store of one's own the routes of a server answer.
    const SERVES: bool = true;

    async fn run(self, context: &Context) -> Result<(), HubError> {
        let is_shaped = parameters::is_shaped(context)?;
        let raw = self.raw()?;
        let is_read = is_read(&raw.method);
        if !is_read {
            confirm_profile(context)?;
        }
        let backend = context.backend().await?;
        if context.globals.dry_run && !is_read {
            parameters::note_unsent(context, &raw.method, &raw.path);
            return Ok(());
        }
        let answer = match &backend {
            Backend::Remote(client) if self.paginate => client.raw_pages(&raw).await?,
            Backend::Remote(client) => client.raw(&raw).await?,
            Backend::Local(local) => {
                let client = context.client_inside(local.clone())?;
                if self.paginate { client.raw_pages(&raw).await? } else { client.raw(&raw).await? }
            }
        };
        context.tell_notes(&backend);
        self.show(context, answer, is_shaped)
    }
}

impl Api {
    fn raw(&self) -> Result<Raw, HubError> {
        let method = self.method.clone();
        let Parameters { query, body } = self.sent.parameters(&method)?;
        let body = match &self.sent.input {
            Some(path) => Some(parameters::read(path)?),
            None => body,
        };
        let headers = self.sent.headers()?;
        Ok(Raw { method, path: self.path.clone(), query, headers, body })
    }

    fn show(&self, context: &Context, answer: RawAnswer, is_shaped: bool) -> Result<(), HubError> {
        let output = &context.output;
        if self.include {
            parameters::show_head(output, answer.status, &answer.headers)?;
        }
        let RawAnswer { body, error, .. } = answer;
        match parameters::json(&body) {
            // A filter is for what was asked for, and a refusal is something else.
            Some(json) if is_shaped && error.is_none() => output.json(json)?,
            Some(json) if output.is_human() => output.indented(json)?,
            _ if body.is_empty() => {}
            _ => output.bytes(&body)?,
        }
        error.map_or(Ok(()), Err)
    }
}

#[cfg(test)]
mod tests {
    use clap::{Args, Command, FromArgMatches};
    use serde_json::{Value, json};

    use super::Api;
    use crate::client::Raw;
    use crate::error::HubError;

    fn raw(line: &[&str]) -> Result<Raw, HubError> {
        let words = std::iter::once("api").chain(line.iter().copied());
        let matches = Api::augment_args(Command::new("api")).get_matches_from(words);
        Api::from_arg_matches(&matches).unwrap().raw()
    }

    fn body(line: &[&str]) -> Value {
        serde_json::from_slice(&raw(line).unwrap().body.unwrap()).unwrap()
    }

    #[test]
    fn fields_have_types_and_raw_fields_have_none() {
        let read = body(&[
            "post",
            "/x",
            "-F",
            "a=1",
            "-F",
            "b=true",
            "-F",
            "c=null",
            "-F",
            "d=-1.5",
            "-F",
            "e=text",
            "-F",
            "f=007",
            "-F",
            "g=12345678901234567890123",
            "-F",
            "h=",
            "-f",
            "i=1",
            "-f",
            "j=@x",
            "-F",
            "k=x=y",
        ]);
        let expected = json!({
            "a": 1, "b": true, "c": null, "d": -1.5, "e": "text", "f": "007",
            "g": "12345678901234567890123", "h": "", "i": "1", "j": "@x", "k": "x=y",
        });
        assert_eq!(read, expected);
    }

    #[test]
    fn names_may_lead_into_objects_and_arrays() {
        let read =
            body(&["POST", "/x", "-F", "m[a]=1", "-F", "m[b][c]=2", "-F", "l[]=1", "-F", "l[]=2"]);
        assert_eq!(read, json!({"m": {"a": 1, "b": {"c": 2}}, "l": [1, 2]}));
        for bad in [
            ["a=1", "a=2"],
            ["a=1", "a[b]=2"],
            ["a[]=1", "a[b]=2"],
            ["a[b=1", "b=2"],
            ["=1", "b=2"],
            ["hunter2", "b=2"],
        ] {
            let error = raw(&["POST", "/x", "-F", bad[0], "-F", bad[1]]).unwrap_err();
            assert!(!error.message().contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn fields_of_a_read_are_parameters() {
        let read = raw(&["get", "/x?a=b", "-F", "page=2", "-f", "q=a b", "-H", "X-Account-Id: 7"])
            .unwrap();
        assert_eq!(read.method, "GET");
        assert!(read.body.is_none());
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(read.query, [pair("page", "2"), pair("q", "a b")]);
        assert_eq!(read.headers, [pair("X-Account-Id", "7")]);
        assert!(raw(&["get", "/x", "-H", "nothing"]).is_err());
    }
}
