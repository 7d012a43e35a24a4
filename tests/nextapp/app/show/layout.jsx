export default function ShowLayout({ children }) {
  return <section data-part="show">{children}</section>;
}
