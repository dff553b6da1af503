/** The service of `TestRyker.layer`, and what is behind it. */
import * as Context from "effect/Context"
import type { Recorder } from "./recorder.ts"

const TypeId = "~ryker/testing/TestRyker"

/** What users see of it: nothing but that it is one. */
export interface TestRykerService {
  readonly [TypeId]: typeof TypeId
}

/**
 * What a test reads of the runtime, see `TestRyker.layer`.
 *
 * @category services
 * @since 0.1.0
 */
export class TestRyker extends Context.Service<TestRyker, TestRykerService>()("ryker/testing/TestRyker") {}

class Impl implements TestRykerService {
  readonly [TypeId] = TypeId
  readonly recorder: Recorder

  constructor(recorder: Recorder) {
    this.recorder = recorder
  }
}

export const makeService = (recorder: Recorder): TestRykerService => new Impl(recorder)

/** Every value of the service is made above. */
export const recorderOf = (service: TestRykerService): Recorder => (service as Impl).recorder
