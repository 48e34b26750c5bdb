//! Chromium without a window: what a reader of a page would see.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// What a browser found on a page.
#[derive(Debug)]
pub(crate) struct Seen {
    /// Pictures of the page.
    pub(crate) pictures: usize,
    /// Sources of those that cannot be shown.
    pub(crate) missing: Vec<String>,
    /// Lines of the console.
    pub(crate) complaints: Vec<String>,
    /// Whether a reader has to scroll sideways.
    pub(crate) too_wide: bool,
}

/// Looks at every picture, whatever is on the screen, and leaves the findings in the page.
const LOOK: &str = r"<script>
addEventListener('load', async () => {
  const pictures = [...document.images], missing = [];
  for (const picture of pictures) {
    picture.loading = 'eager';
    // Not `decode()`: it waits for ever for an animation off the screen.
    if (!picture.complete) await new Promise(done => { picture.onload = picture.onerror = done; });
    if (!picture.naturalWidth) missing.push(picture.getAttribute('src').slice(0, 80));
  }
  const found = document.createElement('pre');
  const wide = document.documentElement.scrollWidth > innerWidth + 1;
  found.id = 'found';
  found.textContent = JSON.stringify({ pictures: pictures.length, missing, wide });
  document.body.append(found);
});
</script>";

/// The browser of this machine.
pub(crate) fn find() -> Option<&'static str> {
    let names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
    let works = |name: &&str| {
        let asked = Command::new(name).arg("--version").output();
        asked.is_ok_and(|output| output.status.success())
    };
    names.into_iter().find(works)
}

/// Opens a page as wide as a phone. A copy with a script is looked at, beside the page, so that its
/// relative addresses hold.
pub(crate) fn look(browser: &str, page: &Path) -> Seen {
    let text = fs::read_to_string(page).unwrap();
    let copy = page.with_file_name("looked-at.html");
    fs::write(&copy, text.replace("</body>", &format!("{LOOK}</body>"))).unwrap();
    let profile = tempfile::tempdir().unwrap();
    let mut command = Command::new(browser);
    command.args(["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"]);
    command.args(["--disable-background-networking", "--disable-component-update"]);
    command.args(["--enable-logging=stderr", "--v=0", "--virtual-time-budget=20000"]);
    command.args(["--window-size=500,900", "--dump-dom"]);
    command.arg(format!("--user-data-dir={}", profile.path().display()));
    let output = command.arg(address(&copy)).output().unwrap();
    fs::remove_file(&copy).unwrap();
    let dom = String::from_utf8_lossy(&output.stdout);
    let said = String::from_utf8_lossy(&output.stderr);
    let found = dom.split("<pre id=\"found\">").nth(1).and_then(|rest| rest.split("</pre>").next());
    let found =
        found.unwrap_or_else(|| panic!("{}: the page never loaded:\n{said}", page.display()));
    let found: serde_json::Value = serde_json::from_str(&found.replace("&amp;", "&")).unwrap();
    let missing = found["missing"].as_array().unwrap();
    Seen {
        pictures: found["pictures"].as_u64().unwrap() as usize,
        missing: missing.iter().map(|source| source.as_str().unwrap().to_owned()).collect(),
        complaints: said
            .lines()
            .filter(|line| line.contains(":CONSOLE"))
            .map(str::to_owned)
            .collect(),
        too_wide: found["wide"].as_bool().unwrap(),
    }
}

fn address(page: &Path) -> String {
    let whole: PathBuf = std::path::absolute(page).unwrap();
    format!("file://{}", whole.display())
}
