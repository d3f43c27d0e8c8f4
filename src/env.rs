//! Names and meanings of the environment variables; none is read here.

/// A variable that hubctl looks at.
#[derive(Debug, Clone, Copy)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// What it does.
    pub meaning: &'static str,
}

macro_rules! variables {
    ($($ident:ident = $name:literal, $meaning:literal;)*) => {
        $(#[doc = $meaning] pub const $ident: &str = $name;)*
        /// Every variable, as `hubctl help environment` lists them.
        pub const ALL: &[Variable] = &[$(Variable { name: $name, meaning: $meaning }),*];
    };
}

variables! {
    PROFILE = "HUBCTL_PROFILE", "Profile of the configuration file to use.";
    API_KEY = "HUBCTL_API_KEY", "API key of the hub; the keyring is then never opened.";
    API_KEY_FILE = "HUBCTL_API_KEY_FILE", "File with the API key, open to nobody else; the keyring is then never opened.";
    API_URL = "HUBCTL_API_URL", "Address of the hub to act on, with http:// or https://.";
    PROJECT = "HUBCTL_PROJECT", "Project to act in.";
    STATE = "HUBCTL_STATE", "The store: a path of an SQLite file, or a postgres:// URL.";
    PUBLIC_URL = "HUBCTL_PUBLIC_URL", "Where end users reach the hub of a local store: what auth links begin with.";
    MASTER_KEY_FILE = "HUBCTL_MASTER_KEY_FILE", "File with the store's master key; the keyring is then never asked.";
    CONFIG_DIR = "HUBCTL_CONFIG_DIR", "Folder for every file of hubctl: configuration, store and key file.";
    OUTPUT = "HUBCTL_OUTPUT", "Output format where no flag gives one.";
    ERROR_FORMAT = "HUBCTL_ERROR_FORMAT", "`json` writes errors as one line of JSON, whatever the output format.";
    NO_INPUT = "HUBCTL_NO_INPUT", "Never ask anything, as --no-input.";
    HTTP_TIMEOUT = "HUBCTL_HTTP_TIMEOUT", "Longest time that one request to a hub may take, such as 30s.";
    RETRIES = "HUBCTL_RETRIES", "How often a request that failed on the way is sent again, where that is safe.";
    MAX_WAIT = "HUBCTL_MAX_WAIT", "Longest time to wait in all for a hub that says to slow down, such as 60s.";
    ORIGIN_OWNER_ID = "HUBCTL_ORIGIN_OWNER_ID", "Origin owner id where no flag gives one.";
    ORIGIN_OWNER_NAME = "HUBCTL_ORIGIN_OWNER_NAME", "Origin owner name where no flag gives one.";
    NO_COLOR = "NO_COLOR", "No colours, if set and not empty.";
    CLICOLOR = "CLICOLOR", "`0` switches colours off.";
    CLICOLOR_FORCE = "CLICOLOR_FORCE", "Colours also where the output is no terminal, if set and not `0`.";
    TERM = "TERM", "`dumb` switches colours and prompts that redraw off.";
    COLUMNS = "COLUMNS", "Width of the terminal, where it can't be asked.";
    CI = "CI", "If set, nothing is ever asked.";
    BROWSER = "BROWSER", "Browser that `connectors open`, `--open` and `demo --browser` start.";
    HTTPS_PROXY = "HTTPS_PROXY", "Proxy for https:// addresses.";
    HTTPS_PROXY_LOWER = "https_proxy", "As `HTTPS_PROXY`, and stronger.";
    HTTP_PROXY_LOWER = "http_proxy", "Proxy for http:// addresses; as elsewhere, in lower case only.";
    ALL_PROXY = "ALL_PROXY", "Proxy where no other variable names one.";
    ALL_PROXY_LOWER = "all_proxy", "As `ALL_PROXY`, and stronger.";
    NO_PROXY = "NO_PROXY", "Hosts that are reached without a proxy, comma-separated.";
    NO_PROXY_LOWER = "no_proxy", "As `NO_PROXY`, and stronger.";
    SSL_CERT_FILE = "SSL_CERT_FILE", "File of PEM certificates to trust instead of the system's.";
    DBUS_SESSION_BUS_ADDRESS = "DBUS_SESSION_BUS_ADDRESS", "Where the system keyring is reached on Linux.";
    NOTIFY_SOCKET = "NOTIFY_SOCKET", "Where `serve` tells systemd that it is ready.";
    WATCHDOG_USEC = "WATCHDOG_USEC", "How often systemd wants to hear from `serve`, in microseconds.";
    WATCHDOG_PID = "WATCHDOG_PID", "The process that systemd watches.";
    TZ = "TZ", "Time zone of the times that people are shown, such as Europe/Berlin; --utc is stronger.";
    HOME = "HOME", "Home folder, below which settings and store are kept unless another variable moves them.";
    XDG_CONFIG_HOME = "XDG_CONFIG_HOME", "Absolute path of the folder for settings on Linux, instead of `~/.config`.";
    XDG_DATA_HOME = "XDG_DATA_HOME", "Absolute path of the folder for stores on Linux, instead of `~/.local/share`.";
    XDG_RUNTIME_DIR = "XDG_RUNTIME_DIR", "Where the session bus has its socket on Linux.";
}
