//! Plugins of a configuration: which ones are known to add no modules of their own.

use oxc_ast::ast::{ArrayExpression, ArrayExpressionElement, Expression, ObjectExpression};

use super::reader::Reader;
use crate::validate::evaluate::Member;

/// Plugins and integrations that add no modules beyond `virtual:` and `astro:`; the beginning of their package's name.
const PLAIN_PLUGINS: [&str; 29] = [
    "@astrojs/",
    "@builder.io/qwik/optimizer",
    "@dyad-sh/react-vite-component-tagger",
    "@playform/",
    "@preact/preset-vite",
    "@rolldown/plugin-babel",
    "@rollup/plugin-",
    "@solidjs/",
    "@sveltejs/vite-plugin-svelte",
    "@tailwindcss/vite",
    "@unocss/",
    "@vitejs/",
    "astro-compress",
    "astro-expressive-code",
    "astro-icon",
    "astro-robots-txt",
    "lovable-tagger",
    "rollup-plugin-visualizer",
    "unocss/",
    "vite-plugin-checker",
    "vite-plugin-compression",
    "vite-plugin-dts",
    "vite-plugin-eslint",
    "vite-plugin-pwa",
    "vite-plugin-solid",
    "vite-plugin-svgr",
    "vite-plugin-vue-devtools",
    "vite-svg-loader",
    "vite-tsconfig-paths",
];

/// Plugins that bring their own entries, routes and modules.
const FRAMEWORKS: [&str; 9] = [
    "@analogjs/",
    "@builder.io/qwik-city",
    "@qwik.dev/router",
    "@react-router/dev",
    "@remix-run/dev",
    "@solidjs/start",
    "@sveltejs/kit",
    "@tanstack/react-start",
    "vike",
];

impl<'p, 'a> Reader<'p, 'a> {
    pub(super) fn plugins(&mut self, object: &'p ObjectExpression<'a>, name: &str) {
        match self.evaluator.member(object, name) {
            Member::Absent => {}
            Member::Is(expression) => self.plugin(expression),
            Member::Hidden => self.open("its plugins cannot be read without running the configuration"),
        }
    }

    fn plugin(&mut self, expression: &'p Expression<'a>) {
        match expression.get_inner_expression() {
            Expression::ArrayExpression(array) => self.plugin_list(array),
            Expression::LogicalExpression(both) => self.plugin(&both.right),
            Expression::ConditionalExpression(either) => {
                self.plugin(&either.consequent);
                self.plugin(&either.alternate);
            }
            Expression::AwaitExpression(wait) => self.plugin(&wait.argument),
            Expression::BooleanLiteral(_) | Expression::NullLiteral(_) => {}
            Expression::Identifier(name) if name.name == "undefined" => {}
            Expression::CallExpression(call) => match call.callee.get_inner_expression() {
                Expression::Identifier(name) => self.plugin_of(name.name.as_str()),
                // `[…].filter(Boolean)`
                Expression::StaticMemberExpression(member) => match member.object.get_inner_expression() {
                    Expression::Identifier(name) => self.plugin_of(name.name.as_str()),
                    Expression::ArrayExpression(array) if member.property.name == "filter" => {
                        self.plugin_list(array)
                    }
                    _ => self.open("a plugin may add modules of its own"),
                },
                _ => self.open("a plugin may add modules of its own"),
            },
            _ => self.open("a plugin may add modules of its own"),
        }
    }

    fn plugin_list(&mut self, array: &'p ArrayExpression<'a>) {
        for element in &array.elements {
            match element {
                ArrayExpressionElement::Elision(_) => {}
                ArrayExpressionElement::SpreadElement(spread) => self.plugin(&spread.argument),
                other => match other.as_expression() {
                    Some(expression) => self.plugin(expression),
                    None => self.open("a plugin may add modules of its own"),
                },
            }
        }
    }

    fn plugin_of(&mut self, name: &str) {
        let package = self.origins.get(name).map(String::as_str).unwrap_or_default();
        if FRAMEWORKS.iter().any(|known| package.starts_with(known)) {
            self.config.has_framework = true;
            self.open("a framework's plugin adds modules of its own");
        } else if !PLAIN_PLUGINS.iter().any(|known| package.starts_with(known)) {
            self.open("a plugin may add modules of its own");
        }
    }
}
