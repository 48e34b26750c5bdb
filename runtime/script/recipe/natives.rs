//! The functions that make, change and read recipes: the same three for every kind of spec.

use rhai::{Dynamic, Engine, FuncRegistration, Map, NativeCallContext};

use super::{Recipe, Spec};
use crate::{
    script::complaint::Raised,
    spec::{
        AdapterSpec, AlignerSpec, ClipsetSpec, CodecSpec, ControlSpec, EvaluatorSpec, FacesSpec,
        FilterSpec, FlowSpec, FootageSpec, GeneratorSpec, SamplerSpec, ScheduleSpec, TextSpec,
    },
};

/// Registers the types and functions of all recipes.
pub(in crate::script) fn register(engine: &mut Engine) {
    recipe::<FacesSpec>(engine);
    recipe::<AlignerSpec>(engine);
    recipe::<ScheduleSpec>(engine);
    recipe::<ClipsetSpec>(engine);
    recipe::<CodecSpec>(engine);
    recipe::<TextSpec>(engine);
    recipe::<GeneratorSpec>(engine);
    recipe::<AdapterSpec>(engine);
    recipe::<ControlSpec>(engine);
    recipe::<FlowSpec>(engine);
    recipe::<SamplerSpec>(engine);
    recipe::<EvaluatorSpec>(engine);
    recipe::<FootageSpec>(engine);
    recipe::<FilterSpec>(engine);
}

/// One kind of recipe: `NATIVE(settings)` makes one, `.but(settings)` changes some settings, an
/// index reads one.
fn recipe<S: Spec>(engine: &mut Engine) {
    engine.register_type_with_name::<Recipe<S>>(S::TYPE);
    let made = format!("Result<{}, Raised>", S::TYPE);
    FuncRegistration::new(S::NATIVE)
        .in_global_namespace()
        .with_params_info(["settings: Map", &made])
        .with_comments(S::MANUAL.iter().map(|line| format!("/// {line}")))
        .register_into_engine(
            engine,
            |context: NativeCallContext, settings: Map| -> Result<Recipe<S>, Raised> {
                Recipe::make(&context, &settings)
            },
        );
    let receiver = format!("recipe: &mut {}", S::TYPE);
    let changed =
        format!("/// {} with these settings changed, the rest as it is.", the_same(S::WHAT));
    FuncRegistration::new("but")
        .in_global_namespace()
        .with_purity(true)
        .with_params_info([receiver.as_str(), "settings: Map", &made])
        .with_comments([changed])
        .register_into_engine(
            engine,
            |context: NativeCallContext,
             recipe: &mut Recipe<S>,
             settings: Map|
             -> Result<Recipe<S>, Raised> { recipe.but(&context, &settings) },
        );
    engine.register_indexer_get(|recipe: &mut Recipe<S>, name: &str| -> Result<Dynamic, Raised> {
        recipe.setting(name).map_err(Raised::from)
    });
}

/// `an aligner` → `The same aligner`.
fn the_same(what: &str) -> String {
    let bare = what.strip_prefix("an ").or_else(|| what.strip_prefix("a ")).unwrap_or(what);
    format!("The same {bare}")
}
