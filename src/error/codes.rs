//! The registry of codes. They are only ever added.

use super::{Code, Kind};

codes! {
    INTERNAL = "internal.unexpected", Failure,
        "hubctl met a state that it did not foresee.",
        "Run the command again. If it fails again, report it with the message and the version.";
    OUTPUT_FAILED = "output.failed", Failure,
        "The result could not be written to standard output or to the file named.",
        "Check free space and permissions where the output goes.";
    USAGE = "usage.invalid", Invalid,
        "The command line is not one that hubctl understands.",
        "Compare it with `hubctl COMMAND --help`.";
    UNKNOWN_FIELD = "usage.unknown_field", Invalid,
        "A field or column was named that this command's answer does not have.",
        "The message lists near names; `hubctl schema TYPE` lists all of them.";
    BAD_VALUE = "usage.bad_value", Invalid,
        "A value does not have the form that it needs.",
        "The message says which form is accepted.";
    BAD_JQ = "usage.bad_jq", Invalid,
        "The expression given with --jq could not be compiled or failed on the answer.",
        "Try the expression with jq on the output of the same command with --json.";
    INPUT_NEEDED = "usage.input_needed", Invalid,
        "A value is missing, and asking for it is not possible here (no terminal, CI, --no-input or a machine format).",
        "Give the value with the flag that the hint names.";
    INPUT_UNREADABLE = "usage.input_unreadable", Invalid,
        "A file named on the command line could not be read, or is not valid UTF-8.",
        "Check the path, its permissions and its encoding.";
    AMBIGUOUS_TARGET = "target.ambiguous", Invalid,
        "The name given fits several auth configs, and this command needs exactly one.",
        "Use one of the ids that the message lists.";
    CONFIRM_REQUIRED = "confirm.required", NotConfirmed,
        "The change needs consent, and asking for it is not possible here.",
        "Add --yes, or --yes with --max-affected to bound what may be touched.";
    CONFIRM_DECLINED = "confirm.declined", NotConfirmed,
        "The question was answered with no; nothing was changed.",
        "Run the command again to be asked again.";
    TOO_MANY_AFFECTED = "guard.too_many_affected", Conflict,
        "The change would touch more linked accounts than --max-affected allows; nothing was changed.",
        "Look at the accounts, then raise the limit.";
    CONNECTOR_UNKNOWN = "connector.not_found", NotFound,
        "No connector of this key is in the catalog or among the project's own.",
        "Search with `hubctl connectors available --search TEXT`.";
    CONNECTOR_INVALID = "connector.invalid_file", Invalid,
        "A connector file breaks the rules of its format; nothing was imported.",
        "`hubctl connectors lint FILE` lists every finding with its place.";
    CONNECTOR_IN_USE = "connector.in_use", Conflict,
        "An own connector can't be forgotten while auth configs need it.",
        "Delete the auth configs first.";
    CONNECTOR_NOT_ENABLED = "connector.not_enabled", NotReady,
        "A connect session needs a connector that is set up and enabled in the project.",
        "Run `hubctl connectors enable CONNECTOR`.";
    CONNECTOR_NEEDS_SETUP = "connector.needs_setup", Invalid,
        "Every authentication method of the connector needs values from the administrator.",
        "Use `hubctl connectors add` with the fields that the hint lists.";
    AUTH_METHOD_UNKNOWN = "auth_method.not_found", Invalid,
        "The connector has no authentication method of this key.",
        "`hubctl connectors guide CONNECTOR` lists the methods.";
    AUTH_CONFIG_UNKNOWN = "auth_config.not_found", NotFound,
        "No auth config of the project has this id, name or connector key.",
        "`hubctl connectors list` shows what is set up.";
    AUTH_CONFIG_EXISTS = "auth_config.exists", Conflict,
        "An auth config of this name is already there.",
        "Choose another --name, or use --if-exists skip or update.";
    AUTH_CONFIG_HAS_ACCOUNTS = "auth_config.has_accounts", Conflict,
        "An auth config can't be deleted while accounts are linked through it.",
        "Delete or move its accounts first.";
    AUTH_CONFIG_IS_DEFAULT = "auth_config.is_default", Conflict,
        "The default auth config can't be deleted while the connector has others.",
        "Make another one the default first.";
    AUTH_CONFIG_UNPINNED = "auth_config.not_pinned", NotFound,
        "The auth config has no version pin.",
        "Nothing: it uses the newest version of its connector.";
    AUTH_CONFIG_MISMATCH = "auth_config.mismatch", Invalid,
        "The auth config named belongs to another connector than the one named.",
        "Leave one of the two out, or name a pair that belongs together.";
    FIELDS_INVALID = "fields.invalid", Invalid,
        "Values for a connector's fields are missing, unknown or of the wrong form.",
        "`hubctl connectors guide CONNECTOR` lists the fields.";
    SESSION_UNKNOWN = "session.not_found", NotFound,
        "No connect session of the project has this number.",
        "`hubctl session list` shows the sessions.";
    SESSION_TOKEN_INVALID = "session.token_invalid", Unauthenticated,
        "The session token is unknown, expired or revoked.",
        "Create a new session.";
    SESSION_NOT_OPEN = "session.not_open", Invalid,
        "Credentials came anew with a session token that is unknown, expired or revoked; nothing was stored.",
        "Create a new session.";
    SESSION_INVALID = "session.invalid", Invalid,
        "A connect session can't be created from these values.",
        "Each line of the details names a value and what is wrong with it.";
    OWNER_REQUIRED = "session.owner_required", Invalid,
        "The profile asks for an origin owner on every session, and none was given.",
        "Give --origin-owner-id and --origin-owner-name.";
    SESSION_OVER = "session.over", Conflict,
        "The session expired or was revoked before an account was linked with it.",
        "Create a new session.";
    SESSION_LOGIN_FAILED = "session.login_failed", Conflict,
        "The end user's latest login at the provider failed, and nobody has succeeded since.",
        "The message says why; the link works for another try until it expires.";
    WAIT_TIMED_OUT = "wait.timed_out", TimedOut,
        "A wait ended before what it waited for; that may still happen.",
        "Wait again, or longer with --timeout.";
    ACCOUNT_UNKNOWN = "account.not_found", NotFound,
        "No linked account of the project has this id.",
        "`hubctl accounts list` shows the accounts.";
    ACCOUNT_EXISTS = "account.exists", Conflict,
        "The owner has an account of the connector already, and it was asked that there be none.",
        "Use --if-exists skip or update, or --multiple for a second account.";
    ACCOUNT_STATE = "account.state", Conflict,
        "The account's present state does not allow the change.",
        "`hubctl accounts explain ID` says why and what helps.";
    ACCOUNT_NOT_USABLE = "account.not_usable", Precondition,
        "The account may not be called: it is suspended or in error, its auth config is disabled, or its connector lost the method.",
        "`hubctl accounts explain ID` says why and what helps.";
    CONNECT_NOT_OFFERED = "connect.not_offered", Conflict,
        "The connect session does not allow this connector or auth config.",
        "Create a session that names it, or none.";
    ATTEMPT_UNKNOWN = "attempt.not_found", NotFound,
        "The session has no connection attempt of this id.",
        "Begin again from the link.";
    ATTEMPT_OVER = "attempt.over", Conflict,
        "The connection attempt has ended, so no login can begin with it.",
        "Begin again from the link.";
    OAUTH_BAD_STATE = "oauth.bad_state", Invalid,
        "A provider's page sent a browser back for a login that is unknown, done or over.",
        "Begin again from the link.";
    OAUTH_WRONG_BROWSER = "oauth.wrong_browser", Forbidden,
        "A login came back in another browser than the one that began it.",
        "Begin and end the login in one browser, with cookies allowed.";
    CROSS_SITE = "connect.cross_site", Forbidden,
        "A page of another site had a browser send a form or ask for a change.",
        "Open the link again and fill in the form there; a key is for programs, not for browsers.";
    OAUTH_APP_UNKNOWN = "oauth_app.not_found", NotFound,
        "No OAuth application of the hub's own is set for the connector.",
        "`hubctl oauth-apps list` shows those that are.";
    OAUTH_APP_IN_USE = "oauth_app.in_use", Conflict,
        "Auth configs use the OAuth application and would have no client without it.",
        "Give them a client of their own with `hubctl connectors edit`, or delete them.";
    PROVIDER_REFUSED = "provider.refused", Unprocessable,
        "The provider refuses the credentials; nothing was stored.",
        "Check that the key is whole, not expired, of the right account, and has the permissions that the guide lists.";
    PROVIDER_MISCONFIGURED = "provider.misconfigured", Unprocessable,
        "The provider refuses the set-up of the auth config, such as its client id or secret.",
        "Correct it with `hubctl connectors edit TARGET --set ...`.";
    PROVIDER_UNREACHABLE = "provider.unreachable", Unreachable,
        "The provider can't be reached, is too slow, or answers with an error of its own.",
        "Try again later; the account is unchanged. Where `outcome_unknown` is true, the provider may have done what it was asked: look there first.";
    PROVIDER_HOST_UNKNOWN = "provider.unknown_host", Unreachable,
        "No machine is known by the name in the provider's address.",
        "Check the subdomain, company or address that is part of it; if it is right, try again later.";
    PROVIDER_RATE_LIMITED = "provider.rate_limited", RateLimited,
        "The provider asks to slow down: by 429, or by a code of its own beside another status.",
        "Try again later, if it says so after the time in the message; the account is unchanged.";
    PROVIDER_BAD_ANSWER = "provider.bad_answer", Unreachable,
        "The provider's answer is not what it should be; nothing of it was kept.",
        "Try again; if it stays so, the connector's definition may be out of date.";
    PROVIDER_BLOCKED = "provider.blocked", Invalid,
        "The hub does not call this address: it is private, local or reserved, or does without TLS.",
        "For development, allow its network: `hubctl config set allow_targets CIDR`, for a server `hubctl serve --allow-target CIDR`.";
    PROXY_FOREIGN_ADDRESS = "proxy.foreign_address", Invalid,
        "The address is not the connector's own, so the account's credentials are not sent there.",
        "Give a path below the root of the provider's API; `hubctl connectors get KEY` shows the root.";
    ANSWER_INVALID = "answer.invalid", Invalid,
        "The provider refuses the call's form: its answer was 400 or the like.",
        "Read the answer's body; the provider's own documentation says what it takes.";
    ANSWER_UNAUTHENTICATED = "answer.unauthenticated", Unauthenticated,
        "The provider refuses the account's credentials for this call: its answer was 401.",
        "`hubctl accounts explain ID` says how the account is; it may have to be linked again.";
    ANSWER_FORBIDDEN = "answer.forbidden", Forbidden,
        "The provider does not let the account do this: its answer was 403.",
        "Give the account's user or token the permission at the provider.";
    ANSWER_NOT_FOUND = "answer.not_found", NotFound,
        "The provider has nothing at this address: its answer was 404 or 410.",
        "Check the path and the ids in it.";
    ANSWER_CONFLICT = "answer.conflict", Conflict,
        "The provider refuses by a rule of its own: its answer was 409, 412 or 422.",
        "Read the answer's body.";
    ANSWER_RATE_LIMITED = "answer.rate_limited", RateLimited,
        "The provider says to slow down: its answer was 429.",
        "Wait as long as its header Retry-After says.";
    ANSWER_UNSUPPORTED = "answer.unsupported", Unsupported,
        "The provider can't do this: its answer was 501.",
        "The provider's own documentation says what it can do.";
    ANSWER_FAILED = "answer.failed", Unreachable,
        "The provider failed: its answer was 408, 500 or the like.",
        "Try again later, but look first at the provider where `outcome_unknown` is true: it may have done it.";
    EVENT_UNKNOWN = "event.not_found", NotFound,
        "The project has no event of this id.",
        "`hubctl events list` shows the events.";
    WEBHOOK_UNKNOWN = "webhook.not_found", NotFound,
        "The project has no webhook of this id.",
        "`hubctl webhooks list` shows the webhooks.";
    WEBHOOK_INVALID = "webhook.invalid", Invalid,
        "A webhook can't be made or changed with these values.",
        "The message names the value and what is wrong with it.";
    WEBHOOK_EXISTS = "webhook.exists", Conflict,
        "A webhook sends to this address already, and no second one was wanted; nothing was made.",
        "Use it, or change it with `hubctl webhooks update ID`.";
    WEBHOOK_STATE = "webhook.state", Conflict,
        "The webhook's present state does not allow the change.",
        "`hubctl webhooks get ID` shows how it stands.";
    WEBHOOK_BLOCKED = "webhook.blocked", Invalid,
        "Nothing is sent to this address: it is private, local or reserved, or does without TLS.",
        "Use a public https:// address; for development, allow its network: `hubctl config set allow_targets CIDR`, for a server `hubctl serve --allow-target CIDR`.";
    WEBHOOK_TEST_FAILED = "webhook.test_failed", Unreachable,
        "The receiver of a webhook did not take the trial delivery.",
        "The delivery's status, error and answer say why.";
    WEBHOOK_NOT_PROVEN = "webhook.not_proven", Conflict,
        "The signature does not prove that the body is a delivery of the hub's.",
        "Check that the bytes are those that were received, and the secret that of the webhook.";
    DELIVERY_UNKNOWN = "webhook.delivery_not_found", NotFound,
        "The project has no delivery of this number.",
        "`hubctl webhooks deliveries` shows the deliveries.";
    LOG_UNKNOWN = "log.not_found", NotFound,
        "No request of this id is in the project's log: it never came, it was too long ago, or it was lost where too many came at once.",
        "`hubctl logs list` shows what is there.";
    PROJECT_UNKNOWN = "project.not_found", NotFound,
        "The store has no project of this name.",
        "`hubctl projects list` shows the projects; `hubctl projects create NAME` makes one.";
    PROJECT_EXISTS = "project.exists", Conflict,
        "A project of this name is already there.",
        "Use it, or choose another name.";
    PROJECT_NOT_EMPTY = "project.last", Conflict,
        "The default project can't be deleted.",
        "Delete what is in it instead.";
    PROJECT_LOCKS_OUT = "project.locks_out", Conflict,
        "The new list of addresses does not admit the one from which it is set: the key in use would be refused from then on. Nothing was changed.",
        "Give that address with another `--allow-ip`, or consent with `--yes` (`may_lock_out` on the API). Where it is a proxy's address, serve with `--trusted-proxy`.";
    STALE = "conflict.stale", Conflict,
        "Somebody else changed the same thing in between; nothing was changed.",
        "Run the command again.";
    API_KEY_UNKNOWN = "api_key.not_found", NotFound,
        "No API key of the project has this name or id.",
        "`hubctl keys list` shows the keys.";
    API_KEY_EXISTS = "api_key.exists", Conflict,
        "An API key of this name is already there; its text was shown when it was made.",
        "Choose another name, or delete the key first.";
    API_KEY_INVALID = "api_key.invalid", Invalid,
        "An API key can't be made from these values.",
        "The message names the value and what is wrong with it.";
    KEY_INVALID = "auth.key_invalid", Unauthenticated,
        "The API key is malformed, unknown, disabled, expired or deleted.",
        "Check that the whole key was copied; `hubctl keys list` on the hub shows how its keys stand.";
    ADDRESS_REFUSED = "auth.address_refused", Forbidden,
        "The project admits callers from listed addresses only, and this one is not listed.",
        "On the hub's own store, which the list does not bind, give the whole list with `hubctl projects update NAME --allow-ip ENTRY`, or `--clear-allow-ip`. Where the address is a proxy's, serve with `--trusted-proxy`.";
    NO_KEY = "auth.no_key", Unauthenticated,
        "The hub needs an API key, and neither environment nor profile has one.",
        "Set HUBCTL_API_KEY or HUBCTL_API_KEY_FILE, or run `hubctl auth login`.";
    KEY_BAD_TEXT = "auth.key_malformed", Unauthenticated,
        "What was given or stored as an API key can't be one: it is empty, too long or has signs that no key has.",
        "Copy the key again and run `hubctl auth login`.";
    ORIGIN_MISMATCH = "auth.origin_mismatch", Unauthenticated,
        "The stored API key belongs to another hub or project than the one to act on; it was not sent.",
        "Use the profile that the key was stored for, or run `hubctl auth login` for this one.";
    FORBIDDEN = "auth.forbidden", Forbidden,
        "The caller lacks the scope that the operation needs, or its key would make one that may do more or works longer.",
        "Use a key with that scope, or ask for no more than the caller has.";
    NET_BAD_PROXY = "net.bad_proxy", LocalState,
        "The proxy named in the environment is not an address.",
        "Write it as http://proxy.example.com:3128; NO_PROXY names hosts that need none.";
    NET_BAD_CA_FILE = "net.bad_ca_file", LocalState,
        "The file of trusted certificates can't be read, or holds none.",
        "Give --cacert or SSL_CERT_FILE a file with PEM certificates.";
    NET_NO_ROOTS = "net.no_roots", LocalState,
        "The system has no trusted certificates, so that no https:// address can be checked.",
        "Install the package ca-certificates, or name a file with --cacert.";
    NET_BAD_IDENTITY = "net.bad_identity", LocalState,
        "The certificate that this program should show to the other side, or its key, can't be used.",
        "Give both as PEM, the private key without a password, and of the same pair.";
    TRACE_FAILED = "trace.failed", LocalState,
        "The file of --trace can't be written.",
        "Check the path, its permissions and free space.";
    REMOTE_KEY_MALFORMED = "remote.key_malformed", Unauthenticated,
        "The API key has characters that no key has, such as spaces or line ends; it was not sent.",
        "Copy the key again, the whole of it and nothing else.";
    REMOTE_KEY_REFUSED = "remote.key_refused", Unauthenticated,
        "The hub does not accept the API key: it is unknown, expired, disabled or of another hub.",
        "`hubctl doctor` checks key and address; `hubctl auth login` stores another key.";
    REMOTE_OTHER_PROJECT = "remote.other_project", Unauthenticated,
        "The API key belongs to another project than the one named.",
        "Name the key's own project, or use a key of the project wanted: its first one is made on the hub's own store, with `hubctl --project PROJECT keys create NAME`.";
    REMOTE_FORBIDDEN = "remote.forbidden", Forbidden,
        "The hub knows the API key, and the key may not do this.",
        "Use a key with the scope that the operation needs, from an address that the project admits.";
    REMOTE_NOT_FOUND = "remote.not_found", NotFound,
        "The hub has no such thing.",
        "Check the id, and that the key is of the project meant.";
    REMOTE_INVALID = "remote.invalid", Invalid,
        "The hub can't accept the values of the request.",
        "The message and its details say which.";
    REMOTE_CONFLICT = "remote.conflict", Conflict,
        "A rule of the hub refuses the change.",
        "The message says which rule.";
    REMOTE_RATE_LIMITED = "remote.rate_limited", RateLimited,
        "The hub asked to slow down for longer than --max-wait allows.",
        "Wait as long as the message says, or raise --max-wait.";
    REMOTE_UNREACHABLE = "remote.unreachable", Unreachable,
        "The hub can't be reached: its name, the network, TLS, a time-out or a connection that broke.",
        "`hubctl doctor` tells which of these it is. Where `outcome_unknown` is true, the hub may have done it: look with `list` or `get` before you repeat it.";
    REMOTE_FAILED = "remote.failed", Unreachable,
        "The hub, or something in front of it, failed to answer the request.",
        "Try again, but look first with `list` or `get` where `outcome_unknown` is true: the hub may have done it. With the request id its operator finds the cause.";
    REMOTE_BAD_ANSWER = "remote.bad_answer", Unreachable,
        "What came back is not an answer of a hub: cut off, too long, or no JSON of the form that it should have.",
        "Check the address with `hubctl doctor`; a proxy or login page may be in between. Where `outcome_unknown` is true, the hub may have done it.";
    REMOTE_REDIRECTED = "remote.redirected", Unreachable,
        "The hub sent the request elsewhere, and a key is never sent to another place than the one configured.",
        "Set the address that the message names, if it is the right one.";
    REMOTE_UNSUPPORTED = "remote.unsupported", Unsupported,
        "The hub in use does not offer the operation, or something in front of it changed the address of the request.",
        "The message or hint says where it is done instead. A proxy in front of a hub has to pass addresses on as they came, with %2F in them.";
    KEY_IN_QUERY = "auth.key_in_query", Invalid,
        "A key stood in the address of a request, where logs and histories would keep it.",
        "Send it in the Authorization header, and replace the key: it may have been seen.";
    CREDENTIALS_MISSING = "auth.missing", Unauthenticated,
        "The request has no API key, or an Authorization header that can't be understood.",
        "Send the key as user name of Basic authentication, with an empty password.";
    RATE_LIMITED = "rate.limited", RateLimited,
        "Too many requests in a short time, with one key or one link, or from one address.",
        "Wait for the seconds that Retry-After names, then go on more slowly.";
    OVERLOADED = "server.overloaded", Unreachable,
        "The hub has as many connections as it is allowed to have.",
        "Wait for the seconds that Retry-After names; the operator may raise --max-connections.";
    LISTS_BUSY = "server.lists_busy", Unreachable,
        "As many long lists are being read as the hub reads at once, and none came to its end in time.",
        "Wait for the seconds that Retry-After names, or ask for pages.";
    LIST_TOO_SLOW = "server.list_too_slow", Unreachable,
        "A list was read so slowly that others waited for it, or not at all for half a minute, and was broken off.",
        "Read it into a file, or ask for pages.";
    NOT_READY = "server.not_ready", Unreachable,
        "The hub is starting or stopping, or its store does not answer or takes no writes.",
        "Try again shortly.";
    LISTEN_FAILED = "server.cannot_listen", LocalState,
        "The address can't be listened on: it is in use, not one of this machine, or needs more rights.",
        "Stop what uses it, or choose another one with --listen.";
    TLS_INVALID = "server.tls_invalid", LocalState,
        "The certificate or private key for TLS can't be used.",
        "Give PEM files that belong together: the certificate chain, the server's first, and its key.";
    ROUTE_UNKNOWN = "request.unknown_route", NotFound,
        "The hub has nothing at this address.",
        "Compare the path with the hub's description at /openapi.json.";
    METHOD_REFUSED = "request.method_not_allowed", Invalid,
        "The address exists but not for this method.",
        "Use one of the methods that the Allow header names.";
    BODY_INVALID = "request.bad_body", Invalid,
        "The body of a request is not JSON, or not of the form that the operation needs.",
        "The message names the place; compare it with the hub's description at /openapi.json.";
    BODY_NOT_JSON = "request.not_json", Invalid,
        "The body of a request says of itself that it is something else than JSON.",
        "Send JSON, with the header Content-Type: application/json.";
    REQUEST_TOO_LARGE = "request.too_large", Invalid,
        "The body of a request is longer than the hub accepts.",
        "Send less at once.";
    HEADERS_TOO_LARGE = "request.headers_too_large", Invalid,
        "The headers or the address of a request are longer, or more, than the hub accepts.",
        "Send fewer or shorter ones.";
    REQUEST_TIMED_OUT = "request.timed_out", TimedOut,
        "The request was not received or not answered in time.",
        "Send it again, and a large body on a faster line.";
    OUT_OF_SCOPE = "request.out_of_scope", Unsupported,
        "The vendor's API has this operation and this hub does not.",
        "Use what the hub's description at /openapi.json lists.";
    DEMO_FAILED = "demo.failed", Failure,
        "A step of `hubctl demo` did not do what it should.",
        "Run it again; if it fails again, report it with what it printed.";
    PARTIAL = "result.partial", Partial,
        "Some of the targets succeeded and some failed; each result says which.",
        "Repeat the command for those that failed.";
    CONFIG_INVALID = "config.invalid", LocalState,
        "The configuration file can't be read or has an entry that hubctl does not know.",
        "Correct the place that the message names.";
    PROFILE_MISSING = "profile.missing", NotFound,
        "The profile named is not in the configuration file.",
        "Correct the name: `hubctl profile list` shows those that are there.";
    PROFILE_EXISTS = "profile.exists", Conflict,
        "A profile of this name is already there, or is for another place.",
        "Choose another name, or delete the profile first.";
    PROFILE_PROTECTED = "profile.protected", NotConfirmed,
        "The profile is protected: each write needs its name, and --yes is not enough; nothing was changed.",
        "Add --confirm with the profile's name.";
    SETTING_UNKNOWN = "config.unknown_key", Invalid,
        "There is no setting of this name.",
        "`hubctl config explain` lists all of them.";
    SETTING_UNSET = "config.not_set", NotFound,
        "The configuration file does not have this setting.",
        "`hubctl config explain KEY` shows the value that holds, and where it comes from.";
    STORE_UNREADABLE = "store.unreadable", LocalState,
        "The store can't be opened: it is missing, not a store, not permitted or damaged.",
        "Check the path that the message names and its permissions; restore a backup if it is damaged.";
    STORE_READ_ONLY = "store.read_only", LocalState,
        "The store can't be written: a read-only file, folder or disk, or a database that takes no writes.",
        "Check permissions and how the disk is mounted, or whether the database server is a standby.";
    STORE_FULL = "store.full", LocalState,
        "The disk of the store is full, or a file may not grow any more; nothing was changed.",
        "Make room, or raise the limit that `ulimit -f` shows, and run the command again.";
    STORE_BUSY = "store.busy", LocalState,
        "Another process held the store for longer than the time-out, or its database ended a statement; nothing was changed.",
        "Run the command again.";
    STORE_NEWER = "store.newer", LocalState,
        "The store was written by a newer version of hubctl.",
        "Use that version, or another store.";
    STORE_PERMISSIONS = "store.permissions", LocalState,
        "A file that holds secrets can be read by others, belongs to another user, or is a link; or a store has a second name.",
        "chmod 600 the file, chown it to the user of hubctl, name the file itself, and remove a store's hard links.";
    STORE_UNREACHABLE = "store.unreachable", Unreachable,
        "The database server of the store does not answer.",
        "Check the address, the network and that the server runs.";
    KEY_MISSING = "key.missing", LocalState,
        "The store's master key was not found where it was kept; what it seals can't be read.",
        "Bring the key back: HUBCTL_MASTER_KEY_FILE, the keyring entry, or the key file.";
    KEY_WRONG = "key.wrong", LocalState,
        "The master key found is not the one that this store was made with.",
        "Use the key that belongs to the store.";
    KEY_HALF_ROTATED = "key.half_rotated", LocalState,
        "The store's master key is being changed, and of the two keys the one that is needed here is not at hand.",
        "Run `hubctl store rotate-key` where both keys are at hand; HUBCTL_MASTER_KEY_FILE may name a file with both, one a line.";
    KEY_ROTATES = "key.rotates", Conflict,
        "The store's master key is being changed to another key than the one that was named.",
        "Go on with that key, or give the rotation up with `hubctl store rotate-key --cancel`.";
    KEY_MALFORMED = "key.malformed", LocalState,
        "The master key file does not hold a key.",
        "It holds 32 bytes, or the same in hex or base64 on one line.";
    KEYRING_FAILED = "key.keyring", LocalState,
        "The system keyring did not answer in time or refused.",
        "Unlock it; or give a store's key with HUBCTL_MASTER_KEY_FILE, a hub's with HUBCTL_API_KEY or HUBCTL_API_KEY_FILE.";
    SEAL_BROKEN = "key.seal_broken", LocalState,
        "A sealed value does not belong where it was found, or was damaged.",
        "Restore the store from a backup.";
    INTERRUPTED = "interrupted", Interrupted,
        "The command was stopped with Ctrl-C.",
        "Run it again.";
    TERMINATED = "terminated", Terminated,
        "The command was stopped with SIGTERM before it was done.",
        "Run it again.";
}

/// The code of this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Code> {
    ALL.iter().copied().find(|code| code.name == name)
}
