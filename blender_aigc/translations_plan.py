"""What the panel of plans says, in the languages of translations.py."""

ROWS: tuple[tuple[str, ...], ...] = (
    (
        "Plan",
        "Plan",
        "Plan",
    ),
    (
        "Change the Plan",
        "Den Plan ändern",
        "Modifier le plan",
    ),
    (
        "These changes are proposed",
        "Diese Änderungen sind vorgeschlagen",
        "Ces modifications sont proposées",
    ),
    (
        "Nothing would change.",
        "Nichts würde sich ändern.",
        "Rien ne changerait.",
    ),
    (
        "Apply",
        "Anwenden",
        "Appliquer",
    ),
    (
        "Discard",
        "Verwerfen",
        "Rejeter",
    ),
    (
        "Apply Changes",
        "Änderungen anwenden",
        "Appliquer les modifications",
    ),
    (
        "Discard Changes",
        "Änderungen verwerfen",
        "Rejeter les modifications",
    ),
    (
        "{number} more",
        "{number} weitere",
        "{number} de plus",
    ),
    (
        "Edit as Text",
        "Als Text bearbeiten",
        "Modifier en texte",
    ),
    (
        "Run",
        "Ausführen",
        "Exécuter",
    ),
    (
        "Bake",
        "Simulieren",
        "Simuler",
    ),
    (
        "Set Up Scene",
        "Szene einrichten",
        "Préparer la scène",
    ),
    (
        "Replace Last Run",
        "Letzte Ausführung ersetzen",
        "Remplacer la dernière exécution",
    ),
    (
        "Film",
        "Film",
        "Film",
    ),
    (
        "Look",
        "Aussehen",
        "Aspect",
    ),
    (
        "Look, as in: a charcoal drawing",
        "Aussehen, etwa: eine Kohlezeichnung",
        "Aspect, par ex. : un dessin au fusain",
    ),
    (
        "Stylise",
        "Stilisieren",
        "Styliser",
    ),
    (
        "Control Frames",
        "Steuerbilder",
        "Images de contrôle",
    ),
    (
        "This text is no plan that can be read",
        "Dieser Text ist kein lesbarer Plan",
        "Ce texte n'est pas un plan lisible",
    ),
    (
        "{asked} + {answered} tokens",
        "{asked} + {answered} Token",
        "{asked} + {answered} jetons",
    ),
    (
        "You did not want these changes. Place takes the changed plan after all.",
        "Diese Änderungen wurden verworfen. Platzieren übernimmt den geänderten Plan doch noch.",
        "Ces modifications ont été rejetées. Placer prend quand même le plan modifié.",
    ),
    (
        "{number} control frames are written",
        "{number} Steuerbilder sind geschrieben",
        "{number} images de contrôle sont écrites",
    ),
    (
        "Nothing is said yet.",
        "Es ist noch nichts gesagt.",
        "Rien n'est encore dit.",
    ),
    (
        "Write in the Prompt what to make.",
        "Schreiben Sie in den Prompt, was entstehen soll.",
        "Écrivez dans le prompt ce qu'il faut créer.",
    ),
    # the planners
    ("Concept First", "Erst das Konzept", "D'abord le concept"),
    (
        "Have looks and events described before the parameters",
        "Aussehen und Ereignisse vor den Parametern beschreiben lassen",
        "Faire décrire aspects et événements avant les paramètres",
    ),
    ("Kinds of Things", "Arten von Dingen", "Sortes de choses"),
    (
        "The most kinds of things that it may choose",
        "Wie viele Arten von Dingen höchstens gewählt werden",
        "Combien de sortes de choses il peut choisir au plus",
    ),
    ("Retries", "Versuche", "Essais"),
    (
        "How often the mistakes of an answer are sent back",
        "Wie oft die Fehler einer Antwort zurückgeschickt werden",
        "Combien de fois les fautes d'une réponse sont renvoyées",
    ),
    ("Fall Back on Rules", "Sonst die Regeln", "Sinon les règles"),
    (
        "Let the rules plan when no answer can be used",
        "Die Regeln planen lassen, wenn keine Antwort taugt",
        "Laisser les règles planifier si aucune réponse ne convient",
    ),
    ("Temperature", "Temperatur", "Température"),
    (
        "0 always gives the likeliest answer",
        "0 gibt immer die wahrscheinlichste Antwort",
        "0 donne toujours la réponse la plus probable",
    ),
    ("Longest Answer", "Längste Antwort", "Réponse la plus longue"),
    (
        "The most tokens that one answer may have",
        "Wie viele Token eine Antwort höchstens hat",
        "Combien de jetons une réponse peut avoir au plus",
    ),
    ("Endpoint", "Endpunkt", "Point d'accès"),
    (
        "Address up to /v1; keys stay on the server, see the docs",
        "Adresse bis /v1; Schlüssel bleiben auf dem Server, siehe Dokumentation",
        "Adresse jusqu'à /v1 ; les clés restent sur le serveur, voir la documentation",
    ),
    ("Model Name", "Name des Modells", "Nom du modèle"),
    (
        "What the endpoint calls its model",
        "Wie der Endpunkt sein Modell nennt",
        "Comment le point d'accès nomme son modèle",
    ),
    ("Three Roles", "Drei Rollen", "Trois rôles"),
    (
        "Dispatch, conceptualise and infer in turn, which small models need",
        "Nacheinander verteilen, entwerfen und folgern, was kleine Modelle brauchen",
        "Répartir, concevoir et déduire tour à tour, ce qu'il faut aux petits modèles",
    ),
    ("Timeout", "Wartezeit", "Délai"),
    ("How long one answer may take", "Wie lange eine Antwort dauern darf", "Combien de temps une réponse peut prendre"),
    ("Price of Questions", "Preis der Fragen", "Prix des questions"),
    (
        "Per million tokens, to show what a job costs",
        "Je Million Token, um zu zeigen, was ein Auftrag kostet",
        "Par million de jetons, pour montrer ce que coûte une tâche",
    ),
    ("Price of Answers", "Preis der Antworten", "Prix des réponses"),
    # its buttons
    ("Run Plan", "Plan ausführen", "Exécuter le plan"),
    (
        "Build what the plan says into a collection of its own, as one undo step",
        "Bauen, was der Plan sagt, in einer eigenen Collection, als ein Schritt, der sich zurücknehmen lässt",
        "Construire ce que dit le plan dans sa propre collection, en une seule étape d'annulation",
    ),
    (
        "Compute how everything moves, in a Blender of its own; this one stays usable meanwhile",
        "Berechnen, wie sich alles bewegt, in einem eigenen Blender; dieses bleibt dabei bedienbar",
        "Calculer comment tout bouge, dans un Blender à part ; celui-ci reste utilisable",
    ),
    ("Cancel Bake", "Simulation abbrechen", "Annuler la simulation"),
    (
        "Stop computing; the scene stays as it is",
        "Aufhören zu rechnen; die Szene bleibt, wie sie ist",
        "Arrêter le calcul ; la scène reste inchangée",
    ),
    ("Apply Bake", "Simulation übernehmen", "Appliquer la simulation"),
    (
        "Put the computed motion onto the objects, as one undo step",
        "Die berechnete Bewegung auf die Objekte legen, als ein Schritt, der sich zurücknehmen lässt",
        "Appliquer le mouvement calculé aux objets, en une seule étape d'annulation",
    ),
    ("Edit Plan as Text", "Plan als Text bearbeiten", "Modifier le plan en texte"),
    (
        "Show the plan in a Text Editor; Run takes what stands there",
        "Den Plan in einem Texteditor zeigen; Ausführen nimmt, was dort steht",
        "Afficher le plan dans un éditeur de texte ; l'exécution prend ce qui y est écrit",
    ),
    (
        "Take the changed plan; the old one stays among the texts. One undo step",
        "Den geänderten Plan nehmen; der alte bleibt unter den Texten. Lässt sich zurücknehmen",
        "Prendre le plan modifié ; l'ancien reste parmi les textes. Une seule étape d'annulation",
    ),
    (
        "Leave the plan as it is; Place in the list of results takes the changed one after all",
        "Den Plan lassen, wie er ist; Platzieren in der Ergebnisliste nimmt den geänderten doch noch",
        "Laisser le plan tel quel ; Placer dans la liste des résultats prend quand même le plan modifié",
    ),
    ("Name of the text with the plan", "Name des Texts mit dem Plan", "Nom du texte avec le plan"),
)
