//! Finds circles in a directed graph: Tarjan's strongly connected components.

use std::collections::{BTreeMap, BTreeSet};

pub struct Graph(BTreeMap<String, BTreeSet<String>>);

impl Graph {
    pub fn new(edges: BTreeMap<String, BTreeSet<String>>) -> Self {
        Self(edges)
    }

    /// The components of more than one node, each in alphabetical order.
    pub fn circles(&self) -> Vec<Vec<String>> {
        let mut search =
            Search { edges: &self.0, numbers: BTreeMap::new(), stack: Vec::new(), circles: Vec::new() };
        for node in self.0.keys() {
            if !search.numbers.contains_key(node.as_str()) {
                search.visit(node);
            }
        }
        search.circles
    }
}

struct Search<'a> {
    edges: &'a BTreeMap<String, BTreeSet<String>>,
    /// The order in which nodes were first visited.
    numbers: BTreeMap<&'a str, usize>,
    stack: Vec<&'a str>,
    circles: Vec<Vec<String>>,
}

impl<'a> Search<'a> {
    /// Visits a node; the lowest number on the stack that can be reached from it.
    fn visit(&mut self, node: &'a str) -> usize {
        let number = self.numbers.len();
        self.numbers.insert(node, number);
        self.stack.push(node);
        let mut lowest = number;
        for next in self.edges.get(node).into_iter().flatten() {
            let reached = match self.numbers.get(next.as_str()) {
                None => self.visit(next),
                Some(seen) if self.stack.contains(&next.as_str()) => *seen,
                Some(_) => continue,
            };
            lowest = lowest.min(reached);
        }
        if lowest == number {
            let start = self.stack.iter().position(|waiting| *waiting == node).unwrap();
            let mut component: Vec<String> = self.stack.drain(start..).map(str::to_owned).collect();
            component.sort();
            if component.len() > 1 {
                self.circles.push(component);
            }
        }
        lowest
    }
}

#[test]
fn circles_are_found_and_trees_have_none() {
    let edges = |list: &[(&str, &str)]| {
        let mut edges: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (from, to) in list {
            edges.entry((*from).to_owned()).or_default().insert((*to).to_owned());
        }
        edges
    };
    assert!(Graph::new(edges(&[("a", "b"), ("a", "c"), ("b", "d"), ("c", "d")])).circles().is_empty());
    let circles = Graph::new(edges(&[("a", "b"), ("b", "c"), ("c", "b"), ("c", "d"), ("x", "a")])).circles();
    assert_eq!(circles, [["b", "c"]]);
}
