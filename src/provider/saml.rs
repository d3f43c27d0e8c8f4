//! SAML 2.0 bearer assertions, signed as XML wants it.
//!
//! The XML is written in its canonical form from the start (no white space between elements,
//! attributes in order, namespaces where they are first used), so that what is hashed and signed is
//! the very text that is sent.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::{failures, jwt};
use crate::domain::connector::Template;
use crate::domain::connector::filling::Filling;
use crate::domain::connector::request::SamlAssertion;
use crate::domain::provider_failure::ProviderFailure;
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;

/// How long an assertion is good for.
const LIFE_S: i64 = 600;

const SIGNED_INFO: [&str; 2] = [
    "<ds:SignedInfo xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\">\
     <ds:CanonicalizationMethod Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\">\
     </ds:CanonicalizationMethod>\
     <ds:SignatureMethod Algorithm=\"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256\">\
     </ds:SignatureMethod>\
     <ds:Reference URI=\"#",
    "\"><ds:Transforms>\
     <ds:Transform Algorithm=\"http://www.w3.org/2000/09/xmldsig#enveloped-signature\">\
     </ds:Transform>\
     <ds:Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"></ds:Transform>\
     </ds:Transforms>\
     <ds:DigestMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"></ds:DigestMethod>\
     <ds:DigestValue>",
];

/// The assertion in Base64. `id` is a word that is never used twice.
pub(super) fn make(
    filling: &Filling<'_>,
    saml: &SamlAssertion,
    id: &str,
    now: Timestamp,
) -> Result<Secret, ProviderFailure> {
    let raw = |template: &Template| {
        filling.text(template).map_err(|missing| failures::missing(filling.method(), &missing))
    };
    let text = |template: &Template| raw(template).map(|text| escaped(&text));
    let id = format!("_{id}");
    let [from, issued, until] = [now.plus_seconds(-60), now, now.plus_seconds(LIFE_S)];
    let (issuer, name_id) = (text(&saml.issuer)?, text(&saml.name_id)?);
    let (audience, recipient) = (text(&saml.audience)?, text(&saml.recipient)?);
    let mut attributes = String::new();
    for (name, value) in &saml.attributes {
        attributes.push_str(&format!(
            "<saml2:Attribute Name=\"{}\"><saml2:AttributeValue>{}</saml2:AttributeValue>\
             </saml2:Attribute>",
            escaped(name),
            text(value)?
        ));
    }
    if !attributes.is_empty() {
        attributes = format!("<saml2:AttributeStatement>{attributes}</saml2:AttributeStatement>");
    }
    let head = format!(
        "<saml2:Assertion xmlns:saml2=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"{id}\" \
         IssueInstant=\"{issued}\" Version=\"2.0\"><saml2:Issuer>{issuer}</saml2:Issuer>"
    );
    let tail = format!(
        "<saml2:Subject>\
         <saml2:NameID Format=\"urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified\">{name_id}\
         </saml2:NameID>\
         <saml2:SubjectConfirmation Method=\"urn:oasis:names:tc:SAML:2.0:cm:bearer\">\
         <saml2:SubjectConfirmationData NotOnOrAfter=\"{until}\" Recipient=\"{recipient}\">\
         </saml2:SubjectConfirmationData></saml2:SubjectConfirmation></saml2:Subject>\
         <saml2:Conditions NotBefore=\"{from}\" NotOnOrAfter=\"{until}\">\
         <saml2:AudienceRestriction><saml2:Audience>{audience}</saml2:Audience>\
         </saml2:AudienceRestriction></saml2:Conditions>\
         <saml2:AuthnStatement AuthnInstant=\"{issued}\" SessionIndex=\"{id}\">\
         <saml2:AuthnContext><saml2:AuthnContextClassRef>\
         urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport\
         </saml2:AuthnContextClassRef></saml2:AuthnContext></saml2:AuthnStatement>{attributes}\
         </saml2:Assertion>"
    );
    let digest = STANDARD.encode(Sha256::digest(format!("{head}{tail}").as_bytes()));
    let [before, after] = SIGNED_INFO;
    let info =
        format!("{before}{id}{after}{digest}</ds:DigestValue></ds:Reference></ds:SignedInfo>");
    let key = Secret::new(raw(&saml.private_key)?);
    let signature = jwt::rsa_sha256(&key, info.as_bytes())?;
    // Inside `Signature` the namespace is known already and is not written again.
    let namespace = " xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"";
    let inner = info.replacen(namespace, "", 1);
    let whole = format!(
        "{head}<ds:Signature{namespace}>{inner}<ds:SignatureValue>{signature}\
         </ds:SignatureValue></ds:Signature>{tail}"
    );
    Ok(Secret::new(STANDARD.encode(whole)))
}

/// As canonical XML writes texts and attributes; control characters have no place in XML.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            // In texts canonical XML leaves quotes as they are, and attributes can't have them.
            '"' => out.push('\''),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}
