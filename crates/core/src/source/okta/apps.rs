//! Finds the AWS app of a person if the source is the org alone.

use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::agent::Agent;
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::secret::SecretString;
use crate::source::{Notice, Prompter};
use crate::text::excerpt;

/// Okta's name of its app "AWS Account Federation".
const AWS_APP: &str = "amazon_aws";
/// The most pages of apps that are read, and the most AWS apps that are kept of them.
const MAX_PAGES: usize = 50;
const MAX_APPS: usize = 500;

/// An app of a person.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AppLink {
    #[serde(default)]
    label: String,
    link_url: String,
    #[serde(default)]
    app_name: String,
    #[serde(default)]
    app_instance_id: String,
}

impl AppLink {
    fn describe(&self) -> String {
        excerpt(&format!("{} ({})", self.label, self.app_instance_id)).into_owned()
    }
}

/// Returns the only AWS app of the person, or the one that the person chooses. `bearer` is an access token; without one,
/// the cookies of the session are used.
///
/// # Errors
///
/// `identity_provider_refused` if there is no AWS app, `interaction_required` if there are several and nobody to choose.
pub(super) async fn choose(agent: &Agent<'_>, bearer: Option<&SecretString>, prompter: &dyn Prompter) -> Result<Url> {
    let mut apps = list(agent, bearer).await?;
    let chosen = match apps.len() {
        0 => return Err(no_app(agent.host())),
        1 => 0,
        _ => {
            let names: Vec<_> = apps.iter().map(AppLink::describe).collect();
            let chosen = prompter.choose("AWS app", &names).await.map_err(|error| list_links(error, &apps))?;
            prompter.notify(&Notice::AppChosen);
            chosen
        }
    };
    if chosen >= apps.len() {
        return Err(Error::new(
            ErrorKind::InvalidArgument,
            Stage::SignIn,
            "the prompter chose an app that was not offered",
        ));
    }
    agent.within_org(&apps.swap_remove(chosen).link_url)
}

fn no_app(host: &str) -> Error {
    Error::new(ErrorKind::IdentityProviderRefused, Stage::SignIn, format!("no AWS app is assigned to you at `{host}`"))
        .with_hint(
            "the Okta administrator assigns the app to you (Applications > AWS Account Federation > Assignments); if your AWS \
             app is of another type, configure its link as the source",
        )
}

/// Tells a caller that nobody can answer which links there are to configure.
fn list_links(error: Error, apps: &[AppLink]) -> Error {
    if error.kind() != ErrorKind::InteractionRequired {
        return error;
    }
    let links: Vec<_> = apps.iter().map(|app| format!("{} {}", app.describe(), excerpt(&app.link_url))).collect();
    Error::new(ErrorKind::InteractionRequired, Stage::SignIn, "several AWS apps are assigned to you")
        .with_hint(format!("configure the link of one as the source: {}", links.join(", ")))
}

async fn list(agent: &Agent<'_>, bearer: Option<&SecretString>) -> Result<Vec<AppLink>> {
    let mut next = Some(agent.within_org("/api/v1/users/me/appLinks")?);
    let mut apps: Vec<AppLink> = Vec::new();
    let mut pages = 0;
    while let Some(page) = next {
        pages += 1;
        if pages > MAX_PAGES || apps.len() > MAX_APPS {
            let message = "Okta's list of apps is too long";
            return Err(Error::new(ErrorKind::IdentityProviderError, Stage::SignIn, message)
                .with_hint("configure the link of the AWS app as the source"));
        }
        let (answer, after) = agent.get_json(&page, bearer).await?;
        let Value::Array(links) = answer else {
            return Err(Error::new(
                ErrorKind::IdentityProviderError,
                Stage::SignIn,
                "Okta answered with a list of apps that cannot be read",
            ));
        };
        // An entry of an unknown shape is not an AWS app.
        let links = links.into_iter().filter_map(|link| serde_json::from_value::<AppLink>(link).ok());
        apps.extend(links.filter(|app| app.app_name == AWS_APP));
        next = after;
    }
    Ok(apps)
}

/// Returns the instance id from the link of an app: `/home/amazon_aws/0oa…/272`.
pub(super) fn instance_id(app: &Url) -> Result<String> {
    let mut path = app.path_segments().into_iter().flatten();
    let id = match (path.next(), path.next(), path.next()) {
        (Some("home"), Some(_), Some(id)) if !id.is_empty() => Some(id.to_owned()),
        _ => None,
    };
    id.ok_or_else(|| {
        Error::new(ErrorKind::InvalidArgument, Stage::Configuration, format!("`{app}` does not contain the app's id"))
            .with_hint(
                "device authorization needs the embed link of Okta's own AWS app, \
                 `https://acme.okta.com/home/amazon_aws/0oa…/272`; for other apps, sign in with `--auth browser`",
            )
    })
}
