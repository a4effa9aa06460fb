declare module "*.css";

/** What `icons.mjs` makes: the path data of each icon by our name for it. */
declare module "virtual:icons" {
  const icons: Record<import("./icons.ts").IconName, string>;
  export default icons;
}
