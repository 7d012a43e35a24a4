import { Form } from "./form";

export const metadata = { title: "Sign in" };

export default function Login() {
  return (
    <>
      <h1>Sign in</h1>
      <Form />
    </>
  );
}
