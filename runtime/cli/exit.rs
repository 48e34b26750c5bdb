//! How ffrun ends when something is wrong: a message and an exit code.

use std::process::ExitCode;

use crate::{engine::EngineError, script::Diagnostic};

/// A failure on its way to the terminal.
#[derive(Debug)]
pub(super) enum Exit {
    /// A message and an exit code.
    Plain {
        /// What went wrong, where, and the remedy.
        message: String,
        /// Exit code.
        code: u8,
    },
    /// An error in a script, with source and caret.
    Script(Box<Diagnostic>),
}

impl Exit {
    /// Exit code 2: the command line or a configuration file is wrong.
    pub(super) fn usage(message: impl Into<String>) -> Self {
        Self::Plain { message: message.into(), code: 2 }
    }

    /// Exit code 1: work failed.
    pub(super) fn failed(message: impl Into<String>) -> Self {
        Self::Plain { message: message.into(), code: 1 }
    }

    /// The exit code.
    pub(super) fn code(&self) -> u8 {
        match self {
            Self::Plain { code, .. } => *code,
            Self::Script(diagnostic) => diagnostic.exit_code(),
        }
    }

    /// Prints the failure to stderr, as JSON on stdout if asked, and gives the exit code.
    pub(super) fn report(self, json: bool) -> ExitCode {
        let code = self.code();
        if json {
            let line = serde_json::json!({
                "v": 1, "event": "error", "code": code, "message": self.plain_text(),
            });
            println!("{line}");
        } else {
            self.print();
        }
        ExitCode::from(code)
    }

    /// Prints the failure to stderr without ending.
    pub(super) fn print(self) {
        match self {
            Self::Plain { message, .. } if message.is_empty() => {}
            Self::Plain { message, .. } => eprintln!("error: {message}"),
            Self::Script(diagnostic) => eprintln!("{:?}", miette::Report::new(*diagnostic)),
        }
    }

    fn plain_text(&self) -> String {
        match self {
            Self::Plain { message, .. } => message.clone(),
            Self::Script(diagnostic) => diagnostic.to_string(),
        }
    }
}

impl From<EngineError> for Exit {
    fn from(error: EngineError) -> Self {
        Self::Plain { code: error.exit_code(), message: error.to_string() }
    }
}

impl From<Box<Diagnostic>> for Exit {
    fn from(diagnostic: Box<Diagnostic>) -> Self {
        Self::Script(diagnostic)
    }
}

impl From<ffrun_reports::ReportError> for Exit {
    fn from(error: ffrun_reports::ReportError) -> Self {
        Self::Plain { code: 6, message: error.to_string() }
    }
}
