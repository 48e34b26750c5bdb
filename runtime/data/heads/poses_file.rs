//! Reading a file of poses: CSV with the header `yaw,pitch,roll`, degrees.

use std::path::Path;

use super::error::HeadsError;
use super::pose::Pose;

const HEADER: [&str; 3] = ["yaw", "pitch", "roll"];

/// The poses of a CSV file with the header `yaw,pitch,roll`, in degrees and in ffrun's signs:
/// positive is nose to image right, nose up, clockwise.
pub fn read_poses(path: &Path) -> Result<Vec<Pose>, HeadsError> {
    let text = std::fs::read_to_string(path).map_err(|error| HeadsError::File {
        action: "read",
        path: path.to_owned(),
        reason: error.to_string(),
    })?;
    let wrong = |line: usize, reason: String| HeadsError::Poses {
        file: path.to_owned(),
        line: line as u64,
        reason,
    };
    let mut lines = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
    let header = lines.next().map_or("", |(_, line)| line);
    if header.split(',').map(str::trim).ne(HEADER) {
        return Err(wrong(1, format!("the header is `{header}`, not `yaw,pitch,roll`")));
    }
    let rows = lines.filter(|(_, line)| !line.is_empty());
    let poses: Result<Vec<Pose>, HeadsError> =
        rows.map(|(number, line)| pose(line).map_err(|reason| wrong(number, reason))).collect();
    let poses = poses?;
    if poses.is_empty() {
        return Err(wrong(2, "there is no pose in the file".into()));
    }
    Ok(poses)
}

fn pose(line: &str) -> Result<Pose, String> {
    let fields: Vec<&str> = line.split(',').map(str::trim).collect();
    let [yaw, pitch, roll] = fields[..] else {
        return Err(format!("{} fields instead of 3", fields.len()));
    };
    let angle = |name: &str, text: &str| match text.parse::<f32>() {
        Ok(degrees) if degrees.abs() <= 180.0 => Ok(degrees),
        Ok(degrees) => Err(format!("`{name}` is {degrees}, outside −180…180")),
        Err(_) => Err(format!("`{name}` is `{text}`, not a number")),
    };
    Ok(Pose::new(angle("yaw", yaw)?, angle("pitch", pitch)?, angle("roll", roll)?))
}

#[cfg(test)]
mod tests {
    use super::{Pose, read_poses};

    fn read(text: &str) -> Result<Vec<Pose>, String> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("poses.csv");
        std::fs::write(&path, text).expect("a file");
        let shown = path.display().to_string();
        read_poses(&path).map_err(|error| error.to_string().replace(&shown, "poses.csv"))
    }

    #[test]
    fn poses_are_read() {
        let poses = read("yaw,pitch,roll\n30, -5,0\n\n-90,0,12.5\n").expect("poses");
        assert_eq!(poses, [Pose::new(30.0, -5.0, 0.0), Pose::new(-90.0, 0.0, 12.5)]);
    }

    #[test]
    fn faults_name_their_line() {
        let tail = "; each line holds yaw,pitch,roll in degrees";
        for (text, said) in [
            ("pitch,yaw,roll\n", "line 1: the header is `pitch,yaw,roll`, not `yaw,pitch,roll`"),
            ("yaw,pitch,roll\n1,2,3\n4,x,6\n", "line 3: `pitch` is `x`, not a number"),
            ("yaw,pitch,roll\n1,2\n", "line 2: 2 fields instead of 3"),
            ("yaw,pitch,roll\n\n1,2,NaN\n", "line 3: `roll` is NaN, outside −180…180"),
            ("yaw,pitch,roll\n", "line 2: there is no pose in the file"),
        ] {
            assert_eq!(read(text).expect_err("a fault"), format!("`poses.csv`, {said}{tail}"));
        }
    }
}
