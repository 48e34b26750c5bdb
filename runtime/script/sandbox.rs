//! The sandbox: an engine without files, clock, network or environment, under limits.

use rhai::{
    Engine, OptimizationLevel,
    packages::{
        BasicArrayPackage, BasicMapPackage, BasicMathPackage, CorePackage, LogicPackage,
        MoreStringPackage, Package,
    },
};

use super::{
    complaint::{Complaint, Raised},
    suggest::did_you_mean_or_list,
};

/// Operations of one call: about two seconds of a tight loop.
const OPERATIONS: u64 = 20_000_000;
/// Depth of calls; deeper recursion is a mistake in a script that only declares.
const CALLS: usize = 48;
/// Bytes of a string.
const STRING_BYTES: usize = 1 << 20;
/// Elements of an array.
const ARRAY_ITEMS: usize = 20_000;
/// Properties of a map.
const MAP_ITEMS: usize = 10_000;
/// Seconds that one call may take.
pub(super) const SECONDS: f64 = 4.0;

/// An engine with Rhai's own functions and nothing that reaches outside.
pub(super) fn bare() -> Engine {
    let mut engine = Engine::new_raw();
    CorePackage::new().register_into_engine(&mut engine);
    LogicPackage::new().register_into_engine(&mut engine);
    BasicMathPackage::new().register_into_engine(&mut engine);
    BasicArrayPackage::new().register_into_engine(&mut engine);
    BasicMapPackage::new().register_into_engine(&mut engine);
    MoreStringPackage::new().register_into_engine(&mut engine);
    engine.set_strict_variables(true);
    engine.set_fail_on_invalid_map_property(true);
    // Optimised code loses the positions that diagnostics and captures need.
    engine.set_optimization_level(OptimizationLevel::None);
    register_map_hints(&mut engine);
    engine.disable_symbol("eval");
    engine.disable_symbol("import");
    engine.register_fn("sleep", |_: i64| -> Result<(), Raised> { Err(no_sleep().into()) });
    engine.register_fn("sleep", |_: f64| -> Result<(), Raised> { Err(no_sleep().into()) });
    limit(&mut engine);
    engine
}

/// An unknown key of a map is an error that suggests the nearest known one.
fn register_map_hints(engine: &mut Engine) {
    engine.on_map_missing_property(|map, name, _| {
        let known = map.keys().map(rhai::Identifier::as_str);
        let message = format!("unknown property `{name}`");
        Err(Complaint::new("name", message).maybe_hint(did_you_mean_or_list(name, known)).into())
    });
}

fn limit(engine: &mut Engine) {
    engine.set_max_operations(OPERATIONS);
    engine.set_max_call_levels(CALLS);
    engine.set_max_expr_depths(64, 64);
    engine.set_max_string_size(STRING_BYTES);
    engine.set_max_array_size(ARRAY_ITEMS);
    engine.set_max_map_size(MAP_ITEMS);
    engine.set_max_variables(1_000);
    engine.set_max_functions(1_000);
}

fn no_sleep() -> Complaint {
    Complaint::new("limit", "a script cannot sleep: it declares work and does none")
}

/// What a limit was, for the hint of its diagnostic.
pub(super) fn limits() -> [(&'static str, String); 5] {
    [
        ("operations", format!("one call may take {} million operations", OPERATIONS / 1_000_000)),
        ("calls", format!("calls may nest {CALLS} deep")),
        ("string", format!("a string may hold {} MiB", STRING_BYTES >> 20)),
        ("array", format!("an array may hold {ARRAY_ITEMS} elements")),
        ("map", format!("a map may hold {MAP_ITEMS} properties")),
    ]
}
