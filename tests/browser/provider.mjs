// A certified OpenID provider that knows one client, as a provider of a hub under test.
import { createServer } from "node:http";
import { Provider } from "oidc-provider";

const server = createServer();
server.listen(0, "127.0.0.1", () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [{
      client_id: "hub",
      client_secret: "planted-client-secret",
      redirect_uris: [process.env.REDIRECT_URI],
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
      token_endpoint_auth_method: "client_secret_basic",
    }],
    pkce: { required: () => true },
    cookies: { keys: ["of this test alone"] },
    features: { devInteractions: { enabled: true } },
  });
  server.on("request", provider.callback());
  console.log(`listening ${issuer}`);
});
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
