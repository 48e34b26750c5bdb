//! Tokenizers on real vocabularies, where there are any.

use std::path::PathBuf;

use ffrun_models::umt5::{PromptTokenizer, Tokens};

#[test]
fn a_real_vocabulary_of_llama_is_read() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../shared/assets/models/wordllama_l2_supercat_tokenizer.json");
    let Ok(bytes) = std::fs::read(&path) else {
        println!("skipped: no {}", path.display());
        return;
    };
    let tokenizer = PromptTokenizer::from_json(&bytes).unwrap();
    let found = tokenizer.tokens("Hello world", 512).unwrap();
    // Llama 2's numbers of `▁Hello` and `▁world`, and its end.
    assert_eq!(found, Tokens { ids: vec![15043, 3186, 2], truncated: 0 });
}
