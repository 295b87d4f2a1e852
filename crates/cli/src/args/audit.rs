//! The arguments of `tempaccess audit`.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand, ValueEnum};

use super::{Access, Output};

#[derive(Debug, Subcommand)]
pub(crate) enum Audit {
    /// Verify the signatures of all records, and find missing ones
    Verify(Verify),
    /// Find CloudTrail events of a grant, a person, a role, an assertion or an access key
    Query(Box<Query>),
    /// Print the events of grants for a spreadsheet, a program or a SIEM
    Export(Export),
    /// Write a page that shows who had access to what, when and why
    Report(Report),
}

#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: Output,
    #[command(flatten)]
    pub(crate) access: Access,
}

/// The period of a query is that of a grant, or one in which an answer is soon there.
const FROM: &str = "Start of the period: 2026-11-24T18:00:00Z, or a date, meaning 00:00 UTC [default: 15 minutes before the \
                    grant or the sign-in, or 7 days ago]";
const UNTIL: &str = "End of the period, exclusive [default: 12 hours after the grant or the session, or now]";

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("about").required(true).multiple(true).args(["id", "to", "role", "access_key", "assertion"]))]
#[command(mut_arg("from", |arg| arg.help(FROM)), mut_arg("until", |arg| arg.help(UNTIL)))]
pub(crate) struct Query {
    /// Find events of this grant
    #[arg(value_name = "ID")]
    pub(crate) id: Option<String>,
    /// Find events of this person, by role session name
    #[arg(long, value_name = "NAME")]
    pub(crate) to: Option<String>,
    /// Find events of sessions of this role, by name
    #[arg(long, value_name = "ROLE")]
    pub(crate) role: Option<String>,
    /// Find events of this access key, such as one from an audit record
    #[arg(long, value_name = "KEY ID")]
    pub(crate) access_key: Option<String>,
    /// Find events of the sessions that were issued for the SAML assertion with this id
    #[arg(long, value_name = "ASSERTION ID", conflicts_with = "access_key")]
    pub(crate) assertion: Option<String>,
    /// Compare events with the sign-ins of this audit log; can be repeated
    #[arg(long, value_name = "FILE")]
    pub(crate) audit_log: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) period: Period,
    /// Ask the event history of CloudTrail, which has management events of the last 90 days (the default)
    #[arg(long, group = "engine")]
    pub(crate) lookup: bool,
    /// Region of the event history, the bucket or the query engine; can be repeated [default: `region` of the profile, and
    /// us-east-1 for the event history of IAM]
    #[arg(long, value_name = "REGION")]
    pub(crate) region: Vec<String>,
    /// Read the log files of a trail: a folder, or s3://BUCKET/PREFIX
    #[arg(long, value_name = "PLACE", group = "engine")]
    pub(crate) files: Option<String>,
    /// Print the query for CloudWatch Logs Insights, for this log group
    #[arg(long, value_name = "GROUP", group = "engine")]
    pub(crate) logs: Option<String>,
    /// Print the query for Athena, for this table
    #[arg(long, value_name = "TABLE", group = "engine")]
    pub(crate) athena: Option<String>,
    /// Print the query for CloudTrail Lake, for this event data store
    #[arg(long, value_name = "STORE", group = "engine")]
    pub(crate) lake: Option<String>,
    /// Run the query instead of printing it, and compare its events with the records
    #[arg(long, requires = "engine", conflicts_with_all = ["lookup", "files"])]
    pub(crate) run: bool,
    /// Workgroup of Athena that runs the query
    #[arg(long, value_name = "NAME", requires = "athena", requires = "run")]
    pub(crate) workgroup: Option<String>,
    /// S3 location of Athena's results [default: that of the workgroup]
    #[arg(long, value_name = "S3 URL", requires = "athena", requires = "run")]
    pub(crate) results: Option<String>,
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: Output,
    #[command(flatten)]
    pub(crate) access: Access,
}

/// A period of time.
#[derive(Debug, Args)]
pub(crate) struct Period {
    /// Start of the period: 2026-11-24T18:00:00Z, or a date, meaning 00:00 UTC [default: without a limit]
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<String>,
    /// End of the period, exclusive [default: without a limit]
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<String>,
}

/// The format of exported events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormat {
    /// CSV with a header line (RFC 4180); cells that look like formulas are escaped
    Csv,
    /// The records as they are, in an array
    Json,
    /// Open Cybersecurity Schema Framework 1.3, one JSON object per line
    Ocsf,
}

#[derive(Debug, Args)]
pub(crate) struct Export {
    /// Grants to export [default: all]
    #[arg(value_name = "ID")]
    pub(crate) ids: Vec<String>,
    /// Format of the events
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(crate) output: ExportFormat,
    #[command(flatten)]
    pub(crate) period: Period,
    #[command(flatten)]
    pub(crate) access: Access,
}

#[derive(Debug, Args)]
pub(crate) struct Report {
    /// File to write the page to; an existing one is replaced
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// Add the calls in the log files of a trail: a folder, or s3://BUCKET/PREFIX
    #[arg(long, value_name = "PLACE")]
    pub(crate) files: Option<String>,
    /// Add the everyday sign-ins in this audit log; can be repeated
    #[arg(long, value_name = "FILE")]
    pub(crate) audit_log: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) period: Period,
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: Output,
    #[command(flatten)]
    pub(crate) access: Access,
}

impl Audit {
    /// Returns the format of errors.
    pub(crate) fn output(&self) -> Output {
        match self {
            Self::Verify(Verify { output, .. }) | Self::Report(Report { output, .. }) => *output,
            Self::Query(query) => query.output,
            Self::Export(Export { output: ExportFormat::Csv, .. }) => Output::Text,
            Self::Export(_) => Output::Json,
        }
    }
}
