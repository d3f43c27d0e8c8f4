//! Examples of the commands with which people begin, or where flags combine. The long help and the
//! manual show them. A line that is too long for a terminal goes on behind `\` or `|`.

use std::fmt::Write as _;

use clap::Command;

/// The examples of a command.
#[derive(Debug)]
pub struct Examples {
    /// The command's words, after `hubctl`.
    pub words: &'static [&'static str],
    /// What each is for, and what is typed.
    pub lines: &'static [(&'static str, &'static str)],
}

const fn of(
    words: &'static [&'static str],
    lines: &'static [(&'static str, &'static str)],
) -> Examples {
    Examples { words, lines }
}

/// The examples of a command, where it has some.
pub(in crate::cli) fn examples_of(words: &[&str]) -> Option<&'static Examples> {
    EXAMPLES.iter().find(|row| row.words == words)
}

/// The command with its examples at the end of its long help.
pub(super) fn shown(words: &[&str], command: Command) -> Command {
    let Some(row) = examples_of(words) else { return command };
    let header = *command.get_styles().get_header();
    let mut text = format!("{header}Examples:{header:#}");
    for (what, lines) in row.lines {
        _ = write!(text, "\n  {what}:");
        for line in lines.lines() {
            _ = write!(text, "\n    {line}");
        }
    }
    if let Some(rest) = command.get_after_help() {
        _ = write!(text, "\n\n{rest}");
    }
    command.after_long_help(text)
}

/// Every example, in the order of the commands.
pub const EXAMPLES: &[Examples] = &[
    of(
        &[],
        &[
            ("See the main job done, in a throw-away store", "hubctl demo"),
            (
                "Set up a connector, and wait for a customer to link an account",
                "hubctl connectors enable bamboohr
hubctl link create --provider bamboohr --origin-owner-id acme-7 --wait",
            ),
        ],
    ),
    of(
        &["connectors", "available"],
        &[(
            "HR systems that are linked with an API key",
            "hubctl connectors available --category hris --auth api_key",
        )],
    ),
    of(
        &["connectors", "guide"],
        &[("What a customer is asked for", "hubctl connectors guide bamboohr --for end-user")],
    ),
    of(
        &["connectors", "add"],
        &[
            (
                "An OAuth application that is registered with the vendor",
                r"hubctl connectors add hubspot --auth oauth2 --name 'HubSpot app' \
  --set client_id=8f2c --set client_secret=@client-secret.txt",
            ),
            (
                "In a script that may run again",
                "hubctl connectors add bamboohr --auth api_key --if-exists skip",
            ),
        ],
    ),
    of(
        &["connectors", "enable"],
        &[
            ("Two at once", "hubctl connectors enable bamboohr hubspot"),
            ("What --all would enable", "hubctl connectors enable --all --dry-run"),
        ],
    ),
    of(
        &["connectors", "disable"],
        &[
            ("What would stop", "hubctl connectors disable bamboohr --dry-run"),
            (
                "In a script, and only where no account would stop",
                "hubctl connectors disable bamboohr --yes --max-affected 0",
            ),
        ],
    ),
    of(
        &["connectors", "import"],
        &[(
            "Check a folder of definitions, and take it in",
            "hubctl connectors lint connectors/ && hubctl connectors import connectors/",
        )],
    ),
    of(
        &["session", "create"],
        &[(
            "A token for a page of your own, for a quarter of an hour",
            r"token=$(hubctl session create --provider bamboohr --origin-owner-id acme-7 \
  --expires-in 15m --print token)",
        )],
    ),
    of(
        &["session", "wait"],
        &[(
            "For a customer who was sent the link; ends with 8 when the hour is over",
            "hubctl session wait 1 --timeout 1h",
        )],
    ),
    of(
        &["session", "revoke"],
        &[(
            "Every open link of a connector",
            "hubctl session list --pending --provider hubspot -o id |
  hubctl session revoke - --yes",
        )],
    ),
    of(
        &["link", "create"],
        &[
            (
                "Open it here, wait, and keep the id of the account that was linked",
                r"account=$(hubctl link create --provider bamboohr --origin-owner-id acme-7 \
  --wait --open --print account_id)",
            ),
            (
                "The address alone, for an e-mail",
                r"hubctl link create --provider bamboohr --origin-owner-id acme-7 \
  --expires-in 7d --print auth_link_url",
            ),
            (
                "One for each line of a file; the same ones if it is run again",
                r"hubctl link create --from customers.csv \
  -o csv --fields origin_owner_id,auth_link_url > links.csv",
            ),
            (
                "Those of the file through which no account was linked yet",
                "hubctl link create --from customers.csv --pending -o csv",
            ),
        ],
    ),
    of(
        &["accounts", "list"],
        &[
            ("Those that can't be used, and why", "hubctl accounts list --unusable"),
            (
                "All of a connector, the last changed first, for a spreadsheet",
                r"hubctl accounts list --provider hubspot --sort -updated_at \
  -o csv > accounts.csv",
            ),
            (
                "Ids of those whose credentials no provider has confirmed",
                "hubctl accounts list --jq '.[] | select(.verified == false) | .id'",
            ),
        ],
    ),
    of(
        &["accounts", "add"],
        &[
            (
                "The secret comes from a file and stays out of the shell's history",
                r"hubctl accounts add --provider bamboohr --origin-owner-id acme-7 \
  --set subdomain=acme --set api_key=@api-key.txt",
            ),
            (
                "Run again, it leaves an account that is there with the tokens it has by then",
                r"hubctl accounts add --provider hubspot --origin-owner-id acme-7 \
  --set access_token=@access.txt --set refresh_token=@refresh.txt \
  --if-exists skip",
            ),
        ],
    ),
    of(
        &["accounts", "relink"],
        &[(
            "A link for new credentials; the account keeps its id",
            "hubctl accounts relink ACCOUNT_ID --expires-in 7d --print auth_link_url",
        )],
    ),
    of(
        &["accounts", "test"],
        &[(
            "Try again what is in error",
            "hubctl accounts list --status error -o id | hubctl accounts test -",
        )],
    ),
    of(
        &["accounts", "delete"],
        &[(
            "All accounts of a customer, after a look at them",
            "hubctl accounts list --origin-owner-id acme-7
hubctl accounts list --origin-owner-id acme-7 -o id |
  hubctl accounts delete - --yes",
        )],
    ),
    of(
        &["logs", "list"],
        &[(
            "What failed since yesterday",
            "hubctl logs list --account ACCOUNT_ID --failed --since 24h",
        )],
    ),
    of(
        &["webhooks", "create"],
        &[(
            "Some kinds of events, and the signing secret into a file",
            r"(umask 077; hubctl webhooks create --url https://app.example.com/hooks \
  --events account.created,account.error --print secret > secret.txt)",
        )],
    ),
    of(
        &["webhooks", "listen"],
        &[(
            "Send to a receiver on this machine what happens from now on",
            "hubctl webhooks listen --forward-to http://127.0.0.1:3000/hooks",
        )],
    ),
    of(
        &["webhooks", "verify"],
        &[(
            "A delivery that the receiver wrote down",
            r"hubctl webhooks verify --secret-file secret.txt \
  --header-file headers.txt body.json",
        )],
    ),
    of(
        &["events", "tail"],
        &[(
            "For a program, one line of JSON each",
            "hubctl events tail --type account.created --type account.error -o jsonl",
        )],
    ),
    of(
        &["keys", "create"],
        &[(
            "For a program that reads and writes; it is shown this once",
            r"KEY=$(hubctl keys create ci --scope platform:read --scope platform:write \
  --print key)",
        )],
    ),
    of(
        &["oauth-apps", "set"],
        &[(
            "An application that every auth config of the connector may use",
            r"hubctl oauth-apps set hubspot --set client_id=8f2c \
  --set client_secret=@client-secret.txt",
        )],
    ),
    of(
        &["projects", "update"],
        &[
            (
                "What customers see on the pages behind links",
                r"hubctl projects update default --display-name Acme \
  --logo @logo.svg --accent-color '#0a7cff'",
            ),
            (
                "Keep bodies of calls that failed in the log, and rows for 30 days",
                "hubctl projects update default --log-bodies errors --log-retention 30d",
            ),
        ],
    ),
    of(
        &["store", "rotate-key"],
        &[
            ("What would be done", "hubctl store rotate-key --dry-run"),
            ("Where others may have seen the key", "hubctl store rotate-key --data-keys --yes"),
            (
                "Where HUBCTL_MASTER_KEY_FILE names the key",
                "hubctl store rotate-key --new-key-file /etc/hubctl/master-2.key",
            ),
        ],
    ),
    of(
        &["auth", "login"],
        &[
            (
                "Type a hub's key unseen; the profile is made if it is not there",
                "hubctl auth login -P production --api-url https://hub.example.com",
            ),
            ("In a script", "hubctl auth login -P production --key-file api-key.txt"),
        ],
    ),
    of(
        &["profile", "create"],
        &[
            (
                "A hub elsewhere, where every write wants the profile's name",
                r"hubctl profile create production --api-url https://hub.example.com \
  --project live --protected",
            ),
            ("A store on this machine", "hubctl profile create lab --state /srv/lab/hub.db"),
        ],
    ),
    of(
        &["request"],
        &[
            (
                "With a parameter",
                "hubctl request GET '/v1/employees?limit=10' --account ACCOUNT_ID",
            ),
            (
                "A file as the body",
                r"hubctl request POST /v1/files --account ACCOUNT_ID --input photo.png \
  -H 'Content-Type: image/png'",
            ),
        ],
    ),
    of(&["api"], &[("Every page of a list", "hubctl api GET /accounts --paginate --jq '.[].id'")]),
    of(
        &["doctor"],
        &[
            ("Settings, keys, and the way to the hub", "hubctl doctor"),
            (
                "One account, without asking its provider",
                "hubctl doctor account ACCOUNT_ID --offline",
            ),
        ],
    ),
    of(
        &["serve"],
        &[
            ("With a provider to try things with", "hubctl serve --with-sample-provider"),
            (
                "For other machines, with TLS",
                r"hubctl serve --listen 0.0.0.0:4780 --public-url https://hub.example.com \
  --tls-cert chain.pem --tls-key key.pem",
            ),
            (
                "Below a path of a reverse proxy on this machine",
                r"hubctl serve --public-url https://example.com/hub \
  --trusted-proxy 127.0.0.1/32",
            ),
        ],
    ),
    of(
        &["commands"],
        &[(
            "Those that take something away",
            "hubctl commands --jq '.[] | select(.effect == \"destructive\") | .command'",
        )],
    ),
    of(
        &["completion"],
        &[("In ~/.bashrc; in ~/.zshrc the same with zsh", "source <(hubctl completion bash)")],
    ),
    of(&["man"], &[("Where `man` finds them", "hubctl man --out ~/.local/share/man/man1")]),
];
