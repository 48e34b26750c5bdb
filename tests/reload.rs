//! `--watch`: what each kind of edit does.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, ChildStderr, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::{Duration, Instant},
};

use crate::lab::{Lab, SMALLEST, ablation};

/// A watching ffrun over a copy of the main job's script and of the standard library.
struct Watched {
    lab: Lab,
    child: Child,
    said: Receiver<String>,
    script: PathBuf,
}

impl Watched {
    fn start() -> Self {
        let lab = Lab::new();
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        for item in fs::read_dir(root.join("stdlib")).unwrap() {
            let path = item.unwrap().path();
            if path.is_dir() {
                continue;
            }
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            lab.write(&format!("stdlib/{name}"), &fs::read_to_string(&path).unwrap());
        }
        let script = lab.write("experiments/a.rhai", &fs::read_to_string(ablation()).unwrap());
        let mut command = lab.command();
        command.args(["run", "experiments/a.rhai", "--watch"]).args(SMALLEST);
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let said = lines(child.stderr.take().unwrap());
        let watched = Self { lab, child, said, script };
        watched.wait_for("done together");
        // Let the report that follows the last trial settle.
        thread::sleep(Duration::from_millis(1500));
        watched.drain();
        watched
    }

    fn edit(&self, from: &str, to: &str) -> Instant {
        let text = fs::read_to_string(&self.script).unwrap();
        assert!(text.contains(from), "`{from}` is not in the script");
        fs::write(&self.script, text.replace(from, to)).unwrap();
        Instant::now()
    }

    fn drain(&self) -> Vec<String> {
        self.said.try_iter().collect()
    }

    /// Everything said up to the line that contains `words`.
    fn wait_for(&self, words: &str) -> Vec<String> {
        let mut heard = Vec::new();
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(120) {
            if let Ok(line) = self.said.recv_timeout(Duration::from_millis(100)) {
                heard.push(line);
                if heard.last().unwrap().contains(words) {
                    return heard;
                }
            }
        }
        panic!("`{words}` was never said; heard:\n{}", heard.join("\n"));
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lines(from: ChildStderr) -> Receiver<String> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

#[test]
fn each_edit_does_what_it_should() {
    let watched = Watched::start();

    // A report edit draws again and runs nothing.
    watched.edit("fn report(results) {", "fn report(results) {\n    note(\"A new paragraph.\");");
    let heard = watched.wait_for("no stage changed");
    assert!(!heard.iter().any(|line| line.contains("done train")), "{heard:?}");
    assert!(watched.lab.read("runs/ablation_dict-smoke/report.html").contains("A new paragraph."));

    // A broken script is shown and the last good plan goes on.
    watched.edit("note(\"A new paragraph.\");", "note(\"A new paragraph.\"; ");
    let heard = watched.wait_for("the last good plan goes on").join("\n");
    assert!(heard.contains("a.rhai:"), "{heard}");
    watched.edit("note(\"A new paragraph.\"; ", "note(\"Mended.\");");
    watched.wait_for("no stage changed");

    // A setting queues what changed; the faces are kept.
    watched.edit("elements: trial.elements", "elements: trial.elements, width: 16");
    let heard = watched.wait_for("stages kept").join("\n");
    assert!(heard.contains("6 stages kept, 6 new, 6 gone"), "{heard}");
    watched.wait_for("done together");

    // An edit of the standard library counts too.
    let library = watched.lab.path("stdlib/schedule.rhai");
    let text = fs::read_to_string(&library).unwrap();
    assert!(text.contains("weight_decay"), "the library has changed; mend this test");
    fs::write(&library, text.replacen("0.01", "0.02", 1)).unwrap();
    watched.wait_for("stages kept");
    watched.wait_for("done together");

    let stopped = Command::new("kill").args(["-INT", &watched.child.id().to_string()]).status();
    assert!(stopped.unwrap().success());
}
