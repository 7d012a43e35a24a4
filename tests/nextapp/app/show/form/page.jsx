import { redirect } from "next/navigation";

async function enrol(form) {
  "use server";
  redirect(`/show/posts/${encodeURIComponent(form.get("course"))}`);
}

export default function Form() {
  return (
    <form action={enrol}>
      <input name="course" /> <button>Enrol</button>
    </form>
  );
}
