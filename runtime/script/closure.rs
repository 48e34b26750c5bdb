//! Captured closures, run inside workers: the text of a stage back into a function.

use candle_core::Tensor;
use rhai::{AST, Array, Dynamic, Engine, Scope};

use super::{capture::ENTRY, convert::type_name, explain::one_line, sandbox, tensor};

/// A closure of a script, compiled from the text that its stage carries. Shared by threads.
pub struct Closure {
    engine: Engine,
    program: AST,
    captured: Array,
}

/// Why a closure could not be compiled or did not give a result.
#[derive(Debug, thiserror::Error)]
pub enum ClosureError {
    /// The text is not a captured closure.
    #[error("the closure of this stage does not compile: {0}")]
    Compile(String),
    /// It failed while it ran.
    #[error("the closure failed: {0}")]
    Run(String),
    /// It gave back the wrong type.
    #[error("the closure returned {got}, not {wanted}")]
    Returned {
        /// What came.
        got: String,
        /// What was meant.
        wanted: &'static str,
    },
}

impl Closure {
    /// Compiles the text under a role of `Stage::code`.
    pub fn compile(text: &str) -> Result<Self, ClosureError> {
        let mut engine = sandbox::bare();
        tensor::register(&mut engine);
        let program =
            engine.compile(text).map_err(|error| ClosureError::Compile(error.to_string()))?;
        let captured = engine
            .eval_ast::<Array>(&program)
            .map_err(|error| ClosureError::Compile(one_line(&error)))?;
        Ok(Self { engine, program, captured })
    }

    /// Calls it on tensors; gradients flow through.
    pub fn tensors(&self, inputs: &[Tensor]) -> candle_core::Result<Tensor> {
        self.run(inputs).map_err(candle_core::Error::msg)
    }

    /// The same with its own error.
    pub(super) fn run(&self, inputs: &[Tensor]) -> Result<Tensor, ClosureError> {
        let value = self.call(inputs.iter().cloned().map(Dynamic::from))?;
        let got = type_name(&value);
        value.try_cast::<Tensor>().ok_or(ClosureError::Returned { got, wanted: "a Tensor" })
    }

    /// Calls it on a number.
    pub fn number(&self, input: f64) -> Result<f64, ClosureError> {
        let value = self.call(std::iter::once(input.into()))?;
        let number = value.as_float().or_else(|_| value.as_int().map(|whole| whole as f64));
        number.map_err(|_| ClosureError::Returned { got: type_name(&value), wanted: "a number" })
    }

    fn call(&self, inputs: impl Iterator<Item = Dynamic>) -> Result<Dynamic, ClosureError> {
        let arguments: Vec<Dynamic> = self.captured.iter().cloned().chain(inputs).collect();
        self.engine
            .call_fn::<Dynamic>(&mut Scope::new(), &self.program, ENTRY, arguments)
            .map_err(|error| ClosureError::Run(one_line(&error)))
    }
}
