//! A graph that can be replaced while it is being executed: hot reload.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::graph::Graph;

/// The graph an execution follows. Replacing it never touches a running stage.
#[derive(Debug, Default)]
pub struct SharedGraph {
    current: Mutex<(u64, Arc<Graph>)>,
}

impl SharedGraph {
    /// Begins with this graph as generation 0.
    pub fn new(graph: Graph) -> Self {
        Self { current: Mutex::new((0, Arc::new(graph))) }
    }

    /// From now on this graph counts: its new stages are queued, those no longer in it are not
    /// started, those that run finish. Returns the new generation.
    pub fn replace(&self, graph: Graph) -> u64 {
        let mut current = self.lock();
        current.0 += 1;
        current.1 = Arc::new(graph);
        current.0
    }

    /// The generation and the graph that count now.
    pub fn current(&self) -> (u64, Arc<Graph>) {
        let current = self.lock();
        (current.0, Arc::clone(&current.1))
    }

    /// The generation that counts now. An execution whose summary names an older one ended just
    /// before the replacement: execute again.
    pub fn generation(&self) -> u64 {
        self.lock().0
    }

    fn lock(&self) -> MutexGuard<'_, (u64, Arc<Graph>)> {
        // Both fields are set without a panic in between, so a poisoned lock holds no half state.
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
