import { Button } from 'primereact/button';
import { InputText } from 'primereact/inputtext';
import { type FormEvent, useState } from 'react';
import { ExactText } from './exact-text.js';
import { answerOf, type Question } from '../lib/question.js';

interface QuestionFormProps {
  readonly questions: readonly Question[];
  readonly disabled: boolean;
  readonly onAnswer: (answers: Record<string, string>) => void;
}

/** The questions of an agent, each with its choices and room for an own answer. */
export function QuestionForm({ questions, disabled, onAnswer }: QuestionFormProps) {
  const [chosen, setChosen] = useState<Record<string, readonly string[]>>({});
  const [own, setOwn] = useState<Record<string, string>>({});
  const answers = Object.fromEntries(
    questions.map(({ question }) => [question, answerOf(chosen[question] ?? [], own[question] ?? '')]),
  );
  const complete = Object.values(answers).every((answer) => answer !== '');
  const choose = ({ question, multiSelect }: Question, label: string): void => {
    const before = chosen[question] ?? [];
    const without = before.filter((one) => one !== label);
    const after = before.includes(label) ? without : multiSelect === true ? [...before, label] : [label];
    setChosen({ ...chosen, [question]: after });
  };
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (complete) onAnswer(answers);
  };
  return (
    <form className="stack" aria-label="Answer the agent" onSubmit={submit}>
      {questions.map((one, at) => (
        <fieldset key={one.question} className="question">
          <legend>
            <ExactText text={one.question} />
          </legend>
          {one.options.map(({ label, description }) => (
            <label key={label} className="question-option">
              <input
                type={one.multiSelect === true ? 'checkbox' : 'radio'}
                name={`question-${at}`}
                checked={chosen[one.question]?.includes(label) === true}
                disabled={disabled}
                onChange={() => choose(one, label)}
              />
              <span>
                <ExactText text={label} />
                {description !== undefined && description !== '' && (
                  <span className="muted">
                    {' · '}
                    <ExactText text={description} />
                  </span>
                )}
              </span>
            </label>
          ))}
          <InputText
            aria-label={`Own answer to: ${one.question}`}
            placeholder={one.options.length === 0 ? 'Your answer' : 'Something else'}
            maxLength={2000}
            disabled={disabled}
            value={own[one.question] ?? ''}
            onChange={(event) => setOwn({ ...own, [one.question]: event.target.value })}
          />
        </fieldset>
      ))}
      <div className="row-wrap">
        <Button type="submit" label="Send answer" disabled={disabled || !complete} />
      </div>
    </form>
  );
}
