//! An event of TensorBoard, as far as scalars go: the fields of `event.proto` and `summary.proto`.

use prost::{Message, Oneof};

/// One record of an event file.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Event {
    /// Seconds since 1970-01-01 UTC.
    #[prost(double, tag = "1")]
    pub(super) wall_time: f64,
    /// Step of the training.
    #[prost(int64, tag = "2")]
    pub(super) step: i64,
    /// What it is about.
    #[prost(oneof = "What", tags = "3, 5")]
    pub(super) what: Option<What>,
}

/// What an event is about.
#[derive(Clone, PartialEq, Oneof)]
pub(super) enum What {
    /// The first event of every file.
    #[prost(string, tag = "3")]
    FileVersion(String),
    /// Values of a step.
    #[prost(message, tag = "5")]
    Summary(Summary),
}

/// Values of a step.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Summary {
    /// The values.
    #[prost(message, repeated, tag = "1")]
    pub(super) value: Vec<Value>,
}

/// A named value.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Value {
    /// Name of the curve.
    #[prost(string, tag = "1")]
    pub(super) tag: String,
    /// Its value. Optional here because it is one of several kinds there: a zero is written, too.
    #[prost(float, optional, tag = "2")]
    pub(super) simple_value: Option<f32>,
}
