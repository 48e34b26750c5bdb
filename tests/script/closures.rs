//! Closures that travel: their text is their identity, and gradients flow through them.

use std::collections::BTreeMap;

use candle_core::{Device, Tensor, Var};
use ffrun::script::Closure;

use super::contract::{HEAD, options, read};

/// The code of the training of a script with these settings of the model and of the schedule.
fn code(above: &str, model: &str, schedule: &str) -> BTreeMap<String, String> {
    let text = format!(
        "{HEAD}{above}\nfn run(trial) {{\n let k = 8.0; let f = heads::stills();\n \
         let m = aligner::paper().but(#{{ {model} }});\n \
         let s = schedule::aligner().but(#{{ {schedule} }});\n \
         evaluate(train(m, f.train, s, 0), f.test)\n}}\n"
    );
    let experiment = read(&text, &options());
    let mut trainings = experiment.graph.stages().filter(|(_, stage)| stage.kind == "train");
    trainings.next().expect("a training").1.code.clone()
}

fn pool(above: &str, closure: &str) -> String {
    code(above, &format!("pool: {closure}"), "")["pool"].clone()
}

const SMOOTH: &str = "fn smooth(c, k) { (c * k).log_sum_exp(-2) / k }";

#[test]
fn the_text_holds_all_that_is_called_and_nothing_else() {
    let above = format!("{SMOOTH}\nfn other() {{ 1 }}\nconst EPS = 0.001;\nconst NO = 2;");
    assert_eq!(
        pool(&above, "|c| smooth(c, k) + global::EPS"),
        "fn smooth(c,k){(c*k).log_sum_exp(-2)/k}const EPS=0.001;\
         fn ffrun_entry(k,c){smooth(c,k)+global::EPS}[8.0]"
    );
    assert_eq!(pool("fn p(c) { c.max(-2) }", "p"), "fn ffrun_entry(c){c.max(-2)}[]");
    assert_eq!(pool("fn p(c) { c.max(-2) }", "Fn(\"p\")"), "fn ffrun_entry(c){c.max(-2)}[]");
    let block = "|c| { let d = c * 2; /* why */ if k > 1.0 { d.max(-2) } else { c.max(-2) } }";
    let expected = "fn ffrun_entry(k,c){let d=c*2;if k>1.0{d.max(-2)}else{c.max(-2)}}[8.0]";
    assert_eq!(pool("", block), expected);
}

#[test]
fn two_closures_on_one_line_keep_apart() {
    let found = code("", "pool: |c| c.max(-2) * 2, normalizer: |c| c * (c - 1)", "");
    assert_eq!(found["pool"], "fn ffrun_entry(c){c.max(-2)*2}[]");
    assert_eq!(found["normalizer"], "fn ffrun_entry(c){c*(c-1)}[]");
    let nested = pool("", "|c| { let f = |x| x * 3; f.call(c).max(-2) }");
    assert_eq!(nested, "fn ffrun_entry(c){let f=|x|x*3;f.call(c).max(-2)}[]");
}

#[test]
fn formatting_keeps_the_text_and_edits_change_it() {
    let base = pool(SMOOTH, "|c| smooth(c, k)");
    let spaced = "/// A doc.\nfn smooth( c,k ) {\n  // why\n  ( c*k ).log_sum_exp( -2 )/k\n}";
    assert_eq!(base, pool(spaced, "|c|\n   smooth( c , k ) // end\n"));
    assert_eq!(base, pool(&format!("fn unrelated() {{ 3 }}\n{SMOOTH}"), "|c| smooth(c, k)"));
    assert_ne!(base, pool(&SMOOTH.replace("/ k", "* k"), "|c| smooth(c, k)"), "a called function");
    assert_ne!(base, pool(SMOOTH, "|c| smooth(c, k) * 1.0"), "the closure");
    assert_ne!(base, pool(SMOOTH, "|c| smooth(c, 8.0)"), "what it captures");
}

fn numbers(shape: &[usize]) -> Tensor {
    let count: usize = shape.iter().product();
    let values: Vec<f64> = (0..count).map(|i| ((i * 37 + 11) % 101) as f64 / 50.0 - 1.0).collect();
    Tensor::from_vec(values, shape, &Device::Cpu).expect("a tensor")
}

/// Largest difference between the gradient of Σ f(x)·w and central differences, in f64.
fn gradient_error(closure: &Closure, shape: &[usize]) -> f64 {
    let x = Var::from_tensor(&numbers(shape)).expect("a variable");
    let value = |x: &Tensor| -> Tensor {
        let y = closure.tensors(std::slice::from_ref(x)).expect("a result");
        // Unequal weights: a plain sum would hide the gradient of a softmax.
        let weights: Vec<f64> = (0..y.elem_count()).map(|i| 1.0 + (i % 5) as f64).collect();
        let weights = Tensor::from_vec(weights, y.dims(), &Device::Cpu).expect("weights");
        (y * weights).and_then(|y| y.sum_all()).expect("a sum")
    };
    let gradients = value(x.as_tensor()).backward().expect("gradients");
    let gradient = gradients.get(x.as_tensor()).expect("x has one");
    let gradient = gradient.flatten_all().and_then(|g| g.to_vec1::<f64>()).expect("numbers");
    let base = x.as_tensor().flatten_all().and_then(|x| x.to_vec1::<f64>()).expect("numbers");
    let step = 1e-5;
    let mut worst = 0.0_f64;
    for (index, gradient) in gradient.iter().enumerate() {
        let moved = |by: f64| {
            let mut values = base.clone();
            values[index] += by;
            let x = Tensor::from_vec(values, shape, &Device::Cpu).expect("a tensor");
            value(&x).to_scalar::<f64>().expect("a number")
        };
        let difference = (moved(step) - moved(-step)) / (2.0 * step);
        worst = worst.max((difference - gradient).abs() / difference.abs().max(1.0));
    }
    worst
}

#[test]
fn gradients_agree_with_finite_differences() {
    for body in [
        "x.max(-2)",
        "(x * 8.0).log_sum_exp(-2) / 8.0",
        "x.softmax(-1)",
        "(x * x.abs()).softmax(1)",
        "x.mean(1) - x.sum(0).mean(0) + 2 * x.sqr().sum(-1).mean() / 3",
        "x.l2_normalize()",
        "x.cosine(x.exp() - 0.5)",
        "x.matmul(x.t())",
        "(x.sqr() + 0.1).sqrt().log().tanh()",
        "x.relu() - (-x).clamp(-0.5, 0.5)",
        "cat([x.narrow(1, 0, 2), x * 3], 1)",
        "1.0 / (x + 3) - (2 - x)",
    ] {
        let closure =
            Closure::compile(&format!("fn ffrun_entry(x){{{body}}}[]")).expect("compiles");
        let error = gradient_error(&closure, &[2, 3, 4]);
        assert!(error < 1e-6, "`{body}`: {error:e}");
    }
}

#[test]
fn of_equal_maxima_one_alone_has_the_gradient() {
    let closure = Closure::compile("fn ffrun_entry(x){x.max(-1)}[]").expect("compiles");
    let x = Var::new(&[[1_f32, 5.0, 5.0]], &Device::Cpu).expect("a variable");
    let y = closure.tensors(&[x.as_tensor().clone()]).expect("a result");
    let gradients = y.sum_all().and_then(|y| y.backward()).expect("gradients");
    let gradient = gradients.get(x.as_tensor()).expect("x has one");
    assert_eq!(gradient.to_vec2::<f32>().expect("numbers"), [[0.0, 1.0, 0.0]]);
}

#[test]
fn captured_text_runs_as_the_script_does() {
    let text = pool(SMOOTH, "|c| smooth(c, k)");
    let closure = Closure::compile(&text).expect("compiles");
    let x = numbers(&[2, 3, 4]);
    let found = closure.tensors(std::slice::from_ref(&x)).expect("a result");
    let expected = (x * 8.0).and_then(|x| x.log_sum_exp(1)).and_then(|x| x / 8.0).expect("candle");
    let gap = (found - expected).and_then(|d| d.abs()?.max_all()?.to_scalar::<f64>());
    assert!(gap.expect("a number") < 1e-12);
    let text = code("", "", "lr_schedule: |p| if p < 0.5 { 1 } else { 2.0 - 2.0 * p }");
    let schedule = Closure::compile(&text["lr_schedule"]).expect("compiles");
    let values = [0.0, 0.75, 1.0].map(|p| schedule.number(p).expect("a number"));
    assert_eq!(values.map(|value| (value * 8.0).round() as i64), [8, 4, 0]);
}

#[test]
fn closures_fail_with_one_line_and_travel_between_threads() {
    fn shared<T: Send + Sync>(_: &T) {}
    let closure = Closure::compile("fn ffrun_entry(x){x.matmul(x)}[]").expect("compiles");
    shared(&closure);
    let error = closure.tensors(&[numbers(&[2, 3])]).expect_err("shapes differ").to_string();
    let first = error.lines().next().unwrap_or_default();
    assert!(first.contains("the closure failed: "), "{error}");
    assert!(first.contains("[2, 3]"), "{error}");
    let error = closure.number(1.0).expect_err("no such function").to_string();
    assert!(error.starts_with("the closure failed: "), "{error}");
    let error = Closure::compile("fn ffrun_entry(x){").err().expect("does not compile").to_string();
    assert!(error.starts_with("the closure of this stage does not compile: "), "{error}");
    let endless = Closure::compile("fn ffrun_entry(x){loop{}}[]").expect("compiles");
    assert!(endless.number(0.0).is_err());
}
