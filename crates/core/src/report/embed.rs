//! Puts the parts of the page together: its markup, style, script and data.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

const PAGE: &str = include_str!("page/page.html");
const STYLE: &str = include_str!("page/page.css");
/// One script, in the order in which its parts use each other.
const SCRIPT: &str = concat!(
    include_str!("page/data.js"),
    include_str!("page/filter.js"),
    include_str!("page/lanes.js"),
    include_str!("page/timeline.js"),
    include_str!("page/overview.js"),
    include_str!("page/table.js"),
    include_str!("page/details.js"),
    include_str!("page/page.js"),
);

/// Returns the page with this data.
pub(super) fn page(json: &str) -> String {
    let mut page = String::with_capacity(PAGE.len() + STYLE.len() + SCRIPT.len() + json.len() * 5 / 4);
    let mut rest = PAGE;
    // Each part is inserted once, and never looked at again: the data could contain a placeholder.
    while let Some((before, after)) = rest.split_once("{{") {
        page.push_str(before);
        let (name, after) = after.split_once("}}").unwrap_or((after, ""));
        match name {
            "policy" => page.push_str(&content_security_policy()),
            "style" => page.push_str(STYLE),
            "script" => page.push_str(SCRIPT),
            "data" => push_escaped(&mut page, json),
            _ => {}
        }
        rest = after;
    }
    page.push_str(rest);
    page
}

/// Nothing but this script and this style, nothing from elsewhere, nowhere to send anything, and no text that becomes markup.
fn content_security_policy() -> String {
    let digest = |text: &str| STANDARD.encode(Sha256::digest(text.as_bytes()));
    format!(
        "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; base-uri 'none'; form-action 'none'; \
         require-trusted-types-for 'script'; trusted-types 'none'",
        digest(SCRIPT),
        digest(STYLE)
    )
}

/// Appends JSON in such a way that no parser of HTML or JavaScript sees more in it than text.
fn push_escaped(page: &mut String, json: &str) {
    let mut rest = json;
    while let Some(at) = rest.find(['<', '>', '&', '\u{2028}', '\u{2029}']) {
        let (before, found) = rest.split_at(at);
        page.push_str(before);
        let mut characters = found.chars();
        page.push_str(match characters.next() {
            Some('<') => "\\u003c",
            Some('>') => "\\u003e",
            Some('&') => "\\u0026",
            Some('\u{2028}') => "\\u2028",
            _ => "\\u2029",
        });
        rest = characters.as_str();
    }
    page.push_str(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_ends_the_data() {
        let hostile =
            serde_json::json!({ "</script><!--": "<img src=x onerror=alert(1)>&\u{2028}\u{2029}]]>{{style}}" });
        let mut escaped = String::new();
        push_escaped(&mut escaped, &hostile.to_string());
        assert!(!escaped.contains(['<', '>', '&', '\u{2028}', '\u{2029}']), "{escaped}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&escaped).unwrap(), hostile);
        let page = page(&hostile.to_string());
        assert_eq!(page.matches("</script>").count(), 2, "the data's, and the script's");
        assert_eq!(page.matches("{{style}}").count(), 1, "placeholders in the data are text");
    }

    #[test]
    fn the_policy_names_the_script_and_the_style_of_the_page() {
        let page = page("{}");
        let policy = page.split("http-equiv=\"Content-Security-Policy\" content=\"").nth(1).unwrap();
        let policy = policy.split('"').next().unwrap();
        for (element, directive) in [("script>", "script-src"), ("style>", "style-src")] {
            let content =
                page.rsplit_once(&format!("<{element}")).unwrap().1.split(&format!("</{element}")).next().unwrap();
            let digest = STANDARD.encode(Sha256::digest(content.as_bytes()));
            assert!(policy.contains(&format!("{directive} 'sha256-{digest}'")), "{policy}");
        }
        for part in [STYLE, SCRIPT] {
            assert!(!part.contains("</"), "an end tag in a part would end it");
        }
        for forbidden in ["http://", "https://", "innerHTML", "insertAdjacentHTML", "document.write", "eval(", "url("] {
            let allowed = SCRIPT.replace("http://www.w3.org/2000/svg", "");
            assert!(!allowed.contains(forbidden) && !STYLE.contains(forbidden), "{forbidden}");
        }
        assert!(!page.contains(" style=\"") && !page.contains(" onclick="), "the policy forbids them");
    }
}
