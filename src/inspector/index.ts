/**
 * A look into a running host: the tree of its actors, what they have done, and a way to intervene.
 *
 * @since 0.1.0
 */
export * as Inspector from "./Inspector.ts"
export * as InspectorState from "./InspectorState.ts"
