declare module "*.css";

/** What `icons.mjs` makes: the path data of each icon by our name for it. */
declare module "virtual:icons" {
  const icons: Record<import("./icons.ts").IconName, string>;
  export default icons;
}

declare module "virtual:player-icons" {
  const icons: Record<import("./player/icons.ts").PlayerIcon, string>;
  export default icons;
}

/** A style sheet as text, as small as in the widget. */
declare module "*.css?text" {
  const css: string;
  export default css;
}
