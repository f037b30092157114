/** Schemas as compiled code: it is written at first use where the platform allows that, and else they are interpreted. */
import type * as Schema from "effect/Schema"
import * as SchemaJITCompiler from "effect/schema/SchemaJITCompiler"
import * as SchemaAST from "effect/SchemaAST"

/** What parses by this. */
export const enable: (ast: SchemaAST.AST) => void = SchemaJITCompiler.enable

/** The constructors of these classes, which check what they are given. */
export const enableConstructors = (...classes: ReadonlyArray<Schema.Constraint>): void => {
  for (const { ast } of classes) {
    const declared = SchemaAST.toType(ast)
    // A class is declared over the struct of its fields.
    if (SchemaAST.isDeclaration(declared)) {
      for (const fields of declared.typeParameters) enable(SchemaAST.toType(fields))
    }
  }
}
