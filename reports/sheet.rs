//! What a script's `report` and `claims` ask for: declarations, drawn later by the host.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::rows::Direction;

/// A table of the paper, typed in from its text. Its cells are constants without variance: they
/// never take part in a significance mark.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Published {
    /// `Table 3`.
    pub name: String,
    /// What its first column is called, `elements`.
    pub rows: String,
    /// Columns in the paper's order.
    pub columns: Vec<PublishedColumn>,
    /// Row label and cells; a missing cell is `None`.
    pub cells: Vec<(Value, Vec<Option<f64>>)>,
}

/// A column of a published table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PublishedColumn {
    /// Name a script uses, `facesim_cur`.
    pub name: String,
    /// What the paper prints, `FaceSim-Cur`.
    pub label: String,
    /// Arrow.
    pub direction: Direction,
    /// Digits after the point as printed.
    pub digits: usize,
}

/// `table(id, results)…save()`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TableSpec {
    /// File stem, `table3`.
    pub id: String,
    /// Heading; empty for one made from the id.
    pub title: String,
    /// Varied settings that make the rows.
    pub rows: Vec<String>,
    /// Metric names that make the columns; empty for all declared.
    pub columns: Vec<String>,
    /// Settings that all rows have in common, where not all values are to be in the table.
    #[serde(default)]
    pub only: BTreeMap<String, Value>,
    /// Row that the others are compared with by a paired permutation test (setting, value);
    /// `None` for the best row of each column.
    pub against: Option<(String, Value)>,
    /// The paper's table, drawn as a second block under its own heading.
    pub beside: Option<Published>,
    /// What the numbers were measured on, where it is not what the experiment says of all.
    #[serde(default)]
    pub origin: Option<String>,
    /// One or two sentences under the table.
    pub caption: String,
}

/// Scale of a chart's horizontal axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Axis {
    /// Plain numbers.
    Linear,
    /// Powers of two.
    Log2,
    /// Powers of ten.
    Log10,
}

/// What a chart draws.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Drawing {
    /// Metrics against a varied setting, with interval bands.
    Lines {
        /// Varied setting on the horizontal axis.
        x: String,
        /// Its scale.
        axis: Axis,
        /// Metric names, one line each.
        metrics: Vec<String>,
        /// A second varied setting: each metric gets a panel with a line per value of it. Empty for
        /// none: cells that differ in other settings are averaged.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        by: String,
    },
    /// A training curve per value of the first varied setting, seeds as a band.
    Curve {
        /// Name of the curve, `loss`.
        curve: String,
        /// Scale of the vertical axis.
        axis: Axis,
    },
    /// Lines whose points were computed elsewhere, such as a score by pose.
    Given {
        /// What the horizontal axis counts, with its unit.
        x: String,
        /// The lines.
        lines: Vec<GivenLine>,
    },
    /// A point for each row: what it costs against what it gives, and the front that no row beats
    /// in both. Rows of one method that differ in the last setting are joined.
    Pareto {
        /// The metric on the horizontal axis, less being better.
        cost: String,
        /// Its scale.
        axis: Axis,
        /// The metric on the vertical axis.
        gain: String,
        /// Settings that all rows have in common.
        only: BTreeMap<String, Value>,
    },
    /// A metric over a varied setting: a panel for each value of the first other setting with a line
    /// for each of the second, and the other panels' first lines in grey behind it.
    Behind {
        /// Varied setting on the horizontal axis.
        x: String,
        /// The metric.
        metric: String,
        /// Settings that all lines have in common.
        only: BTreeMap<String, Value>,
    },
    /// Maps whose cells were computed elsewhere, one below the other.
    Maps(Vec<crate::chart::Map>),
    /// Points in planes, a panel each.
    Scatters(Vec<crate::chart::Scatter>),
    /// Named rows and columns of shares, one below the other.
    Matrices(Vec<crate::chart::Matrix>),
}

/// A line of [`Drawing::Given`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GivenLine {
    /// Legend text.
    pub label: String,
    /// Points in order of x; `None` breaks the line.
    pub points: Vec<Option<GivenPoint>>,
}

/// A point of a [`GivenLine`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct GivenPoint {
    /// Horizontal value.
    pub x: f64,
    /// Vertical value.
    pub y: f64,
    /// Ends of its interval, where there is one.
    pub band: Option<(f64, f64)>,
}

/// `chart(id, results)…save()`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChartSpec {
    /// File stem, `figure8`.
    pub id: String,
    /// Heading; empty for one made from the id.
    pub title: String,
    /// What is drawn.
    pub drawing: Drawing,
    /// The paper's curve, drawn in a panel of its own under the label `published`.
    pub beside: Option<Published>,
    /// Columns of `beside` to draw; empty for all.
    pub beside_columns: Vec<String>,
    /// One or two sentences under the chart.
    pub caption: String,
}

/// One item of a report, in the script's order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Item {
    /// A table.
    Table(TableSpec),
    /// A chart.
    Chart(ChartSpec),
    /// A paragraph of plain text.
    Text(String),
    /// A table or a chart of rows of its own, where they are not the experiment's.
    Own(Box<crate::rows::Results>, Box<Item>),
    /// A picture that a stage made: heading, file name inside the report folder, caption.
    Picture {
        /// Heading.
        title: String,
        /// Path of the PNG.
        path: std::path::PathBuf,
        /// Caption.
        caption: String,
    },
    /// A picture that a stage drew and that is copied into the report folder.
    Drawn {
        /// File stem.
        id: String,
        /// Heading; empty for one made from the id.
        title: String,
        /// Where the stage left the PNG; nothing while it has not.
        path: Option<std::path::PathBuf>,
        /// Caption.
        caption: String,
    },
}

/// What the data say about a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The data show it.
    Reproduced,
    /// The data show the opposite.
    Contradicted,
    /// The design could not tell, or trials are missing.
    Inconclusive,
}

/// A claim with its verdict.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Claim {
    /// The sentence.
    pub text: String,
    /// What the data say.
    pub verdict: Verdict,
    /// The numbers behind the verdict.
    pub evidence: String,
}
