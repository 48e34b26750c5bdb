//! What can go wrong between rows and a page.

use std::io;
use std::path::PathBuf;

/// A report that could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// A chart could not be drawn.
    #[error("cannot draw chart `{chart}`: {reason}")]
    Draw {
        /// Id of the chart.
        chart: String,
        /// What the drawing library said.
        reason: String,
    },
    /// A folder of reports could not be listed.
    #[error("cannot list `{}`: {source}", path.display())]
    List {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A picture could not be read.
    #[error("cannot read picture `{}`: {source}; run the stage that makes it again", path.display())]
    Picture {
        /// The picture.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The page template does not fit the page's data.
    #[error("cannot render `{template}`: {source}")]
    Template {
        /// Name of the template.
        template: &'static str,
        /// What the template engine said.
        source: minijinja::Error,
    },
    /// A curve that no trial recorded.
    #[error("chart `{item}` draws the curve `{name}`, which no trial records; recorded: {known}")]
    UnknownCurve {
        /// Id of the chart.
        item: String,
        /// The name asked for.
        name: String,
        /// The names there are.
        known: String,
    },
    /// A metric that the experiment does not declare.
    #[error("`{item}` names the metric `{name}`, which is not declared; declared: {known}")]
    UnknownMetric {
        /// Id of the table or chart.
        item: String,
        /// The name asked for.
        name: String,
        /// The names there are.
        known: String,
    },
    /// A setting that the experiment does not vary.
    #[error("`{item}` names the setting `{name}`, which is not varied; varied: {known}")]
    UnknownSetting {
        /// Id of the table or chart.
        item: String,
        /// The name asked for.
        name: String,
        /// The names there are.
        known: String,
    },
    /// A file could not be written.
    #[error("cannot write `{}`: {source}; is the folder writable and the disk not full?", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Names in backticks, for the messages above.
pub(crate) fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let ticked: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    if ticked.is_empty() { "none".to_owned() } else { ticked.join(", ") }
}
