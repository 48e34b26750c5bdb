//! A script made ready to call: its engine, its parse and its host.

use std::{path::PathBuf, time::Instant};

use rhai::{AST, CallFnOptions, Dynamic, Engine, EvalAltResult, Position, Scope};

use super::{
    agreeing, building, checkpoints,
    diagnostic::{Diagnostic, Place},
    explain::explain,
    generating,
    host::Host,
    judging, mapping, measuring, mechanism,
    phase::Phase,
    recipe, reporting, sandbox, scale, sifting,
    sources::Source,
    stdlib, tensor,
};

/// A compiled script. Calls run under the limits of the sandbox.
pub(super) struct Program {
    pub(super) engine: Engine,
    pub(super) host: Host,
    ast: AST,
    /// Whether the text has constants that functions may read.
    constants: bool,
    file: String,
    /// Files of the stdlib that were read from disk.
    pub(super) read: Vec<PathBuf>,
}

impl Program {
    /// Compiles a text under the name `file`, with all natives and the stdlib.
    pub(super) fn compile(host: Host, file: &str, text: &str) -> Result<Self, Box<Diagnostic>> {
        let mut engine = engine(&host);
        let read = stdlib::register(&mut engine, &host)?;
        host.state().sources.insert(file, text);
        let mut ast =
            engine.compile(text).map_err(|error| explain(&engine, &host, file, &error.into()))?;
        ast.set_source(file);
        host.state().programs.insert(file.to_owned(), ast.clone());
        let constants = host.state().sources.get(file).is_some_and(Source::has_constants);
        Ok(Self { engine, host, ast, constants, file: file.to_owned(), read })
    }

    /// Runs the top level once.
    pub(super) fn declare(&self) -> Result<(), Box<Diagnostic>> {
        self.start(Phase::Declare);
        self.engine
            .eval_ast::<Dynamic>(&self.ast)
            .map(|_| ())
            .map_err(|error| self.explain("declare", &error))
    }

    /// Calls a function of the script with one argument.
    pub(super) fn call(
        &self,
        phase: Phase,
        function: &str,
        argument: Dynamic,
    ) -> Result<Dynamic, Box<Diagnostic>> {
        self.start(phase);
        // Only constants make it worth to run the top level again before a call.
        let options = CallFnOptions::new().eval_ast(self.constants);
        self.engine
            .call_fn_with_options(options, &mut Scope::new(), &self.ast, function, (argument,))
            .map_err(|error| self.explain(function, &error))
    }

    /// Whether the script defines this function with one parameter.
    pub(super) fn defines(&self, function: &str) -> bool {
        let mut functions = self.ast.iter_functions();
        functions.any(|known| known.name == function && known.params.len() == 1)
    }

    /// The `//!` head of the script without its marks.
    pub(super) fn doc(&self) -> String {
        let lines = self.ast.doc().lines().map(|line| line.trim_start_matches("//!").trim());
        lines.collect::<Vec<_>>().join("\n").trim().to_owned()
    }

    /// A diagnostic about the script as a whole, at the function it is about.
    pub(super) fn about(
        &self,
        function: &str,
        code: &'static str,
        message: impl Into<String>,
    ) -> Diagnostic {
        let mut diagnostic = Diagnostic::unplaced(code, message);
        diagnostic.place = self.place_of(function);
        diagnostic
    }

    /// A diagnostic about a place of the script.
    pub(super) fn at(
        &self,
        position: Position,
        code: &'static str,
        message: impl Into<String>,
    ) -> Diagnostic {
        let mut diagnostic = Diagnostic::unplaced(code, message);
        diagnostic.place = self.host.state().sources.place(&self.file, position);
        diagnostic
    }

    /// The diagnostic of an error while `function` ran. A limit is met at no particular place:
    /// it points at the function.
    fn explain(&self, function: &str, error: &EvalAltResult) -> Box<Diagnostic> {
        let mut diagnostic = explain(&self.engine, &self.host, &self.file, error);
        if diagnostic.place.is_none() {
            diagnostic.place = self.place_of(function);
        }
        diagnostic
    }

    fn place_of(&self, function: &str) -> Option<Place> {
        let state = self.host.state();
        let source = state.sources.get(&self.file)?;
        source.function(&self.file, function).or_else(|| source.start(&self.file))
    }

    fn start(&self, phase: Phase) {
        let mut state = self.host.state();
        state.phase = phase;
        state.started = Instant::now();
    }
}

/// The engine of a script: the sandbox, the natives, the limit on time.
pub(super) fn engine(host: &Host) -> Engine {
    let mut engine = sandbox::bare();
    engine.set_default_tag(Dynamic::from(host.clone()));
    tensor::register(&mut engine);
    recipe::natives::register(&mut engine);
    scale::register(&mut engine);
    building::register(&mut engine);
    generating::register(&mut engine);
    mechanism::register(&mut engine);
    checkpoints::register(&mut engine);
    judging::register(&mut engine);
    mapping::register(&mut engine);
    agreeing::register(&mut engine);
    measuring::register(&mut engine);
    sifting::register(&mut engine);
    reporting::register(&mut engine);
    let clock = host.clone();
    engine.on_progress(move |operations| {
        // Looking at the clock costs more than an operation.
        let look = operations % 65_536 == 0;
        let late = look && clock.state().started.elapsed().as_secs_f64() > sandbox::SECONDS;
        late.then_some(Dynamic::UNIT)
    });
    engine.on_print(|text| eprintln!("{text}"));
    engine
}
