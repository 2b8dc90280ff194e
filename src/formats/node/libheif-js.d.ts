/** Types of the used part of libheif-js; its own do not fit its module. */
declare module "libheif-js/wasm-bundle.js" {
  /** What calls return that fail. */
  export interface HeifError {
    readonly code: unknown;
    readonly message: string;
  }
  type Constants<Name extends string> = Readonly<Record<Name, symbol>>;
  type Handle<Kind extends string> = {
    readonly kind: Kind;
    /** Its address. */
    readonly $$: { readonly ptr: number };
  };
  const libheif: {
    readonly heif_error_code: Constants<"heif_error_Ok">;
    readonly heif_colorspace: Constants<"heif_colorspace_RGB">;
    readonly heif_chroma: Constants<"heif_chroma_interleaved_RGB" | "heif_chroma_interleaved_RGBA">;
    heif_context_alloc(): Handle<"context">;
    /** No part may have more than this squared pixels. */
    _heif_context_set_maximum_image_size_limit(context: number, edge: number): void;
    heif_context_free(context: Handle<"context">): void;
    heif_context_read_from_memory(context: Handle<"context">, bytes: Uint8Array): HeifError;
    heif_js_context_get_primary_image_handle(context: Handle<"context">): Handle<"image"> | HeifError;
    heif_image_handle_has_alpha_channel(image: Handle<"image">): number;
    heif_image_handle_release(image: Handle<"image">): void;
    heif_js_decode_image2(
      image: Handle<"image">,
      colorspace: symbol,
      chroma: symbol,
    ):
      | {
          readonly image: Handle<"decoded">;
          /** Interleaved: one. */
          readonly channels: readonly [
            { readonly width: number; readonly height: number; readonly stride: number; readonly data: Uint8Array },
          ];
        }
      | HeifError;
    heif_image_release(decoded: Handle<"decoded">): void;
  };
  export default libheif;
}
